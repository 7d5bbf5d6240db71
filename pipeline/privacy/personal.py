"""Which columns contain personal data, and which cells are a phone number."""

import re

_ADDRESSES = frozenset({"source_address", "destination_address"})

NUMBERS = frozenset({"source_number", "cli", "destination_number", "destination", "p_charge_info"}) | _ADDRESSES
"""Columns that may contain the number of a person."""

NAME = "source_name"
"""The column with the name of the caller, or the source number again."""

PERSONAL = frozenset(
    {"source_number", NAME, "source_range", "cli", "destination_number", "p_charge_info", "extra", "raw_line"}
    | _ADDRESSES
)
"""Columns of records and marts that are published as pseudonyms, where pseudonyms are configured.

A DID and the destination of its calls belong to the customer, so they are not personal data.
"""

# a number may be written with a plus, as a SIP or tel URI, and with other characters between the digits
_MARKS = r"(?:[^\w<>@;]|_)*+"
_NUMBER = re.compile(
    rf"{_MARKS}(?:[^<>]*+<)?{_MARKS}(?:(?:sips?|tel):)?{_MARKS}(?P<digits>[0-9](?:{_MARKS}[0-9])*+){_MARKS}"
    rf"(?:[@;][^\n]*)?>?{_MARKS}",
    re.IGNORECASE,
)
_NOT_DIGITS = re.compile(r"[^0-9]")


def number_in(cell: str) -> str | None:
    """Return the digits of a cell that is a phone number, without leading zeros; None for any other cell."""
    if cell.isascii() and cell.isdigit():  # nearly all cells, at a tenth of the cost
        return cell.lstrip("0") or None
    found = _NUMBER.fullmatch(cell)
    return (_NOT_DIGITS.sub("", found["digits"]).lstrip("0") or None) if found else None
