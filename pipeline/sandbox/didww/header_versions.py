"""The columns of files by version: those of the version that created the export, whatever version fetches it."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from pipeline.sandbox.traffic.columns import CDR_IN, CDR_OUT, COLUMNS
from pipeline.sandbox.traffic.origins import country, delivered, network
from pipeline.sandbox.traffic.record import Cells

Cell = tuple[str, Callable[[str], str]]
"""A column of the records, and how the file shows its cell."""


def _same(*names: str) -> dict[str, Cell]:
    return {name: (name, str) for name in names}


def _named(names: Mapping[str, str]) -> dict[str, Cell]:
    return {name: (ours, str) for name, ours in names.items()}


# As the user panel of 2020 describes its files; no source shows the header of the API's files of these versions.
_IN_2020 = _named(
    {
        "Date/Time Start (UTC)": "Date/Time Start (UTC)",
        "Date/Time Connect (UTC)": "Date/Time Connect (UTC)",
        "Date/Time End (UTC)": "Date/Time End (UTC)",
        "Source": "Source",
        "DID": "Destination DID",
        "Destination": "Destination",
        "Duration (secs)": "Duration (sec)",
        "Disconnect Initiator": "Disconnect Initiator",
        "Disconnect Code": "Disconnect Code",
        "Disconnect Response": "Response",
        "Toll-free Amount (USD)": "Toll-free (USD)",
        "Termination Amount (USD)": "PSTN (USD)",
        "Metered Channels Amount (USD)": "Metered (USD)",
    }
)
_OUT_2020 = _named(
    {
        "Time Start (UTC)": "Date/Time Start (UTC)",
        "Source": "Source",
        "CLI": "CLI",
        "Destination": "Destination Number",
        "Duration (secs)": "Call Duration (sec)",
        "Disconnect Code": "Disconnect Code",
        "Disconnect Reason": "Disconnect Reason",
        "Rate ($USD per minute)": "Rate (USD)",
        "Charged (USD)": "Charged (USD)",
        "CDR Type": "Call Type",
        "Country Name": "Destination Country",
        "Network Name": "Network",
        "Trunk Name": "Voice OUT Trunk",
    }
)
# The vendor publishes the columns up to the DID; the others are taken to be unchanged.
_IN_2026_11: dict[str, Cell] = {
    **_same("Date/Time Start (UTC)", "Date/Time Connect (UTC)", "Date/Time End (UTC)", "Status"),
    "Source Number": ("Source", str),
    "Source Number Out": ("Source", delivered),
    "Source Name": ("Source Name", str),
    "Source Country": ("Source", country),
    "Source Network": ("Source", network),
    **_same(*COLUMNS[CDR_IN][COLUMNS[CDR_IN].index("Destination DID") :]),
}
_CHANGED: dict[tuple[str, str], Mapping[str, Cell]] = {
    (CDR_IN, "2021-12-15"): _IN_2020,
    (CDR_OUT, "2021-12-15"): _OUT_2020,
    (CDR_IN, "2022-05-10"): _IN_2020,
    (CDR_OUT, "2022-05-10"): _OUT_2020,
    (CDR_IN, "2026-11-19"): _IN_2026_11,
}


def header(export_type: str, version: str) -> Cells:
    """Return the names of the columns of a file."""
    return tuple(_CHANGED.get((export_type, version), COLUMNS[export_type]))


def columns_held(export_type: str, version: str) -> frozenset[str]:
    """Return the columns of the records that a file holds under any name."""
    changed = _CHANGED.get((export_type, version))
    return frozenset(name for name, _ in changed.values()) if changed else frozenset(COLUMNS[export_type])


def lines(export_type: str, version: str, rows: Iterable[Cells]) -> Iterator[Cells]:
    """Yield the cells of a file, made of the cells of records.

    Args:
        export_type: ``cdr_in``, ``cdr_out``, ``sms_in`` or ``sms_out``.
        version: The API version of the file.
        rows: The cells of each record, as in ``COLUMNS``.
    """
    changed = _CHANGED.get((export_type, version))
    if changed is None:
        yield from rows
        return
    read = [(COLUMNS[export_type].index(name), shown) for name, shown in changed.values()]
    for row in rows:
        yield tuple(shown(row[at]) for at, shown in read)
