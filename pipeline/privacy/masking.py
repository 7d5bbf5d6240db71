"""Mask personal data in previews: a number keeps its first digits, a name its first letter.

Country and area stay readable, so a preview still shows what kind of call it was. Any long run of digits is treated as
a number, in every column: other systems may write numbers into texts such as a disconnect reason.
"""

import re
from collections.abc import Collection

from pipeline.privacy.personal import NAME, NUMBERS
from pipeline.privacy.pseudonym import HIDDEN_DIGITS

RAW = frozenset({"extra", "raw_line"})
"""Columns with unchecked content. They are hidden completely."""

_SHORTEST = 5
# not a phone number: a UUID, a hexadecimal id, a compact timestamp, an amount with six decimals
_IDS = "|".join(
    (
        r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
        r"\b(?=[0-9]*[a-f])[0-9a-f]{16,}\b",
        r"\b[0-9]{8}T[0-9]{6}\b",
        r"\b[0-9]+\.[0-9]{6}\b",
    )
)
_ID_OR_NUMBER = re.compile(rf"(?P<id>{_IDS})|\+\d(?:[ ().\-/]{{0,2}}\d){{3,}}|\d{{{_SHORTEST},}}")


def masked(text: str, column: str, prefix: int, names: Collection[str] = (NAME,)) -> str:
    """Return the masked text of a cell.

    Args:
        text: The cell.
        column: The name of its column.
        prefix: The number of first digits to keep.
        names: The columns that contain names of people.
    """
    if column in RAW:
        return "…"
    if column in names and any(letter.isalpha() for letter in text):
        return f"{text[:1]}…"
    found = _ID_OR_NUMBER.sub(lambda match: match[0] if match["id"] else _beginning(match[0], prefix), text)
    if found == text and (column in NUMBERS or column in names):  # a short number, or one written with spaces
        user, at, host = text.partition("@")
        return f"{_beginning(user, prefix)}{at}{host}"
    return found


def _beginning(number: str, prefix: int) -> str:
    """Return the number with only its first digits; a short number keeps fewer, or none."""
    places = [at for at, digit in enumerate(number) if digit.isdigit()]
    hidden = set(places[max(0, min(prefix, len(places) - HIDDEN_DIGITS)) :])
    return "".join("x" if at in hidden else digit for at, digit in enumerate(number))
