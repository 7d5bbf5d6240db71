"""Which columns hold people, and when a cell holds a phone number: all of the cell, however it is written."""

import re

_ADDRESSES = frozenset({"source_address", "destination_address"})

NUMBERS = frozenset({"source_number", "cli", "destination_number", "destination", "p_charge_info"}) | _ADDRESSES
"""Columns of the records in which the number of a person may stand."""

NAME = "source_name"
"""The column that holds the name of whoever has the source number; or the number again."""

PERSONAL = frozenset(
    {"source_number", NAME, "source_range", "cli", "destination_number", "p_charge_info", "extra", "raw_line"}
    | _ADDRESSES
)
"""Columns, of records and of what is made of them, that are not published as they are where there are pseudonyms.

A DID and where its calls are sent are the customer's own, so they are not among them.
"""

# a plus, a SIP or tel URI, and whatever is neither letter nor digit are ways to write the same number
_MARKS = r"(?:[^\w<>@;]|_)*+"
_NUMBER = re.compile(
    rf"{_MARKS}(?:[^<>]*+<)?{_MARKS}(?:(?:sips?|tel):)?{_MARKS}(?P<digits>[0-9](?:{_MARKS}[0-9])*+){_MARKS}"
    rf"(?:[@;][^\n]*)?>?{_MARKS}",
    re.IGNORECASE,
)
_NOT_DIGITS = re.compile(r"[^0-9]")


def number_in(cell: str) -> str | None:
    """The number that the whole cell is: its digits without leading zeros; None where it is something else."""
    if cell.isascii() and cell.isdigit():  # nearly every cell, at a tenth of the cost
        return cell.lstrip("0") or None
    found = _NUMBER.fullmatch(cell)
    return (_NOT_DIGITS.sub("", found["digits"]).lstrip("0") or None) if found else None
