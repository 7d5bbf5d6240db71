"""The header versions of DIDWW's files, each mapped onto the columns of its record type.

A column that a version lacks is NULL. A column beyond the schema is kept as text in ``extra``.

Of some versions DIDWW published a part only. Their required cells are that part, and the seconds and the money under
their older names: a month that waits for its header is better than a month whose cost is NULL. All other columns of
the older version are optional.
"""

from collections.abc import Mapping

from pipeline.normalise.header import HeaderVersion

Header = Mapping[str, str]
"""Each cell of a header, and the column that it becomes."""

_TIMES = {
    "Date/Time Start (UTC)": "started_at",
    "Date/Time Connect (UTC)": "connected_at",
    "Date/Time End (UTC)": "ended_at",
}

_IN_2026_04 = {
    **_TIMES,
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

# DIDWW published the columns up to the DID. Source Number Out, Source Country and Source Network go to ``extra``.
_IN_2026_11 = HeaderVersion(
    {
        **_TIMES,
        "Status": "status",
        "Source Number": "source_number",
        "Source Name": "source_name",
        "Destination DID": "did_number",
        "Duration (sec)": "duration_seconds",
        "Toll-free (USD)": "toll_free_usd",
        "PSTN (USD)": "pstn_usd",
        "Metered (USD)": "metered_usd",
        "CNAM IN (USD)": "cnam_usd",
        "Total (USD)": "total_usd",
    },
    optional={cell: column for cell, column in _IN_2026_04.items() if cell != "Source"},
)

# Customer ID and Sell Amount, which followed until 2019, go to ``extra``.
_IN_2018 = {
    **_TIMES,
    "Source": "source_number",
    "DID": "did_number",
    "Destination": "destination",
    "Duration (secs)": "duration_seconds",
    "Disconnect Initiator": "disconnect_initiator",
    "Disconnect Code": "disconnect_code",
    "Response": "disconnect_reason",
    "TollFree Amount (USD)": "toll_free_usd",
    "Termination Amount (USD)": "pstn_usd",
    "Metered Channels Amount (USD)": "metered_usd",
}
_IN_2017 = {"Date/Time (UTC)": "started_at"} | {cell: to for cell, to in _IN_2018.items() if cell not in _TIMES}

# As the user panel describes its columns. It is not clear which words there are names and which are explanations.
_IN_2020 = {
    **{cell: to for cell, to in _IN_2018.items() if to not in ("disconnect_reason", "toll_free_usd")},
    "Disconnect Response": "disconnect_reason",
    "Toll-free Amount (USD)": "toll_free_usd",
}
_IN_2020_URI = {"Destination (URI)": "destination"} | {c: to for c, to in _IN_2020.items() if to != "destination"}

_OUT_2026_04 = {
    **_TIMES,
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

_OUT_2020 = {
    "Time Start (UTC)": "started_at",
    "Source": "source_number",
    "CLI": "cli",
    "Destination": "destination_number",
    "Duration (secs)": "duration_seconds",
    "Disconnect Code": "disconnect_code",
    "Disconnect Reason": "disconnect_reason",
    "Rate ($USD per minute)": "rate_usd",
    "Charged (USD)": "charged_usd",
    "CDR Type": "call_type",
    "Country Name": "destination_country",
    "Network Name": "network",
    "Trunk Name": "trunk_name",
}
# Of versions 2021-12-15 and 2022-05-10 only the first columns are published, and that they resemble _OUT_2020.
_OUT_2021 = HeaderVersion(
    {
        "Date/Time Start (UTC)": "started_at",
        "Source": "source_number",
        "Duration (secs)": "duration_seconds",
        "Charged (USD)": "charged_usd",
    },
    optional={cell: to for cell, to in (_TIMES | _OUT_2020).items() if cell != "Time Start (UTC)"},
)

# No header of message files is published. These are the names of the API's filters, in the spelling of its headers.
_SMS = {
    "Status": "status",
    "Source Address": "source_address",
    "Destination Address": "destination_address",
    "SMS Trunk": "trunk_name",
    "SMS ID": "sms_id",
}
_SMS_IN = {**_SMS, "Trunk Type": "trunk_type"}
_SMS_OUT = {**_SMS, "Service Type": "service_type", "Sender ID Verification": "sender_id_verification"}


def _messages(columns: Header) -> tuple[HeaderVersion, ...]:
    """Header versions of a message file: all columns are optional but the time, which has any name DIDWW ever used."""
    first = {"Date/Time (UTC)": "sent_at"}
    others = ({"Date/Time Start (UTC)": "sent_at"}, {"Time Start (UTC)": "sent_at"})
    return (
        HeaderVersion({**first, **columns}),
        *(HeaderVersion(time, optional=columns) for time in (first, *others)),
    )


HEADER_VERSIONS: Mapping[str, tuple[HeaderVersion, ...]] = {
    "cdr_in": (
        HeaderVersion(_IN_2026_04),
        _IN_2026_11,
        *(HeaderVersion(one) for one in (_IN_2020, _IN_2020_URI, _IN_2018, _IN_2017)),
    ),
    # Nothing is published of version 2026-11-19. A file with the header of 2026-04-16 is read, any other is refused.
    "cdr_out": (HeaderVersion(_OUT_2026_04), HeaderVersion(_OUT_2020), _OUT_2021),
    "sms_in": _messages(_SMS_IN),
    "sms_out": _messages(_SMS_OUT),
}
"""By record type, the newest version first."""
