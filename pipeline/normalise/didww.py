"""How to read DIDWW's files: each known generation of headers, mapped onto the one schema of its record type.

A file's columns are those of the API version that created the export, so the header row decides, not the date.
"""

from collections.abc import Mapping

_IN_2026_04 = {
    "Date/Time Start (UTC)": "started_at",
    "Date/Time Connect (UTC)": "connected_at",
    "Date/Time End (UTC)": "ended_at",
    "Status": "status",
    "Source": "source_number",
    "Source Name": "source_name",
    "Destination DID": "did_number",
    "Duration (sec)": "duration_seconds",
    "Attempt": "attempt",
    "Disconnect Code": "disconnect_code",
    "Response": "disconnect_reason",
    "Disconnect Initiator": "disconnect_initiator",
    "Voice IN Trunk": "trunk_name",
    "Destination": "destination",
    "Trunk Group": "trunk_group",
    "Capacity Group": "capacity_group",
    "Toll-free (USD)": "toll_free_usd",
    "PSTN (USD)": "pstn_usd",
    "Metered (USD)": "metered_usd",
    "CNAM IN (USD)": "cnam_usd",
    "Total (USD)": "total_usd",
    "Call ID": "call_id",
}

_OUT_2026_04 = {
    "Date/Time Start (UTC)": "started_at",
    "Date/Time Connect (UTC)": "connected_at",
    "Date/Time End (UTC)": "ended_at",
    "Status": "status",
    "Source": "source_number",
    "CLI": "cli",
    "Destination Number": "destination_number",
    "Call Duration (sec)": "duration_seconds",
    "Billing Duration (sec)": "billing_seconds",
    "Disconnect Code": "disconnect_code",
    "Disconnect Reason": "disconnect_reason",
    "Voice OUT Trunk": "trunk_name",
    "Destination Country": "destination_country",
    "Network": "network",
    "Call Type": "call_type",
    "Rate (USD)": "rate_usd",
    "Charged (USD)": "charged_usd",
    "P-Charge-Info": "p_charge_info",
    "Call ID": "call_id",
}

GENERATIONS: Mapping[str, tuple[Mapping[str, str], ...]] = {"cdr_in": (_IN_2026_04,), "cdr_out": (_OUT_2026_04,)}
