"""The columns of DIDWW's records, as in files of API version 2026-04-16, and which of them are numbers.

Files of other versions have other names, see ``header_versions``.
"""

CDR_IN = "cdr_in"
CDR_OUT = "cdr_out"
SMS_IN = "sms_in"
SMS_OUT = "sms_out"

COLUMNS: dict[str, tuple[str, ...]] = {
    CDR_IN: (
        "Date/Time Start (UTC)",
        "Date/Time Connect (UTC)",
        "Date/Time End (UTC)",
        "Status",
        "Source",
        "Source Name",
        "Destination DID",
        "Duration (sec)",
        "Attempt",
        "Disconnect Code",
        "Response",
        "Disconnect Initiator",
        "Voice IN Trunk",
        "Destination",
        "Trunk Group",
        "Capacity Group",
        "Toll-free (USD)",
        "PSTN (USD)",
        "Metered (USD)",
        "CNAM IN (USD)",
        "Total (USD)",
        "Call ID",
    ),
    CDR_OUT: (
        "Date/Time Start (UTC)",
        "Date/Time Connect (UTC)",
        "Date/Time End (UTC)",
        "Status",
        "Source",
        "CLI",
        "Destination Number",
        "Call Duration (sec)",
        "Billing Duration (sec)",
        "Disconnect Code",
        "Disconnect Reason",
        "Voice OUT Trunk",
        "Destination Country",
        "Network",
        "Call Type",
        "Rate (USD)",
        "Charged (USD)",
        "P-Charge-Info",
        "Call ID",
    ),
    # The vendor's header of messages is not known. These are the names of its filters, and one that is invented.
    SMS_IN: (
        "Date/Time (UTC)",
        "Status",
        "Source Address",
        "Destination Address",
        "Trunk Type",
        "SMS Trunk",
        "SMS ID",
        "Fragments",
    ),
    SMS_OUT: (
        "Date/Time (UTC)",
        "Status",
        "Source Address",
        "Destination Address",
        "Service Type",
        "SMS Trunk",
        "Sender ID Verification",
        "SMS ID",
        "Fragments",
    ),
}

DURATION: dict[str, str] = {CDR_IN: "Duration (sec)", CDR_OUT: "Call Duration (sec)"}

MONEY: dict[str, tuple[str, ...]] = {
    export_type: tuple(name for name in names if name.endswith("(USD)")) for export_type, names in COLUMNS.items()
}
