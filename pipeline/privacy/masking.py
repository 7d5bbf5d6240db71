"""Hide people where a table is only glanced at: numbers lose their last digits, names all but the first letter.

Country and area stay readable, so a glance still says what kind of call it was. Any run of digits that may be a number
is taken for one, in whatever column: a far end may write numbers into its reason.
"""

import re
from collections.abc import Collection

from pipeline.privacy.personal import NAME, NUMBERS
from pipeline.privacy.pseudonym import HIDDEN_DIGITS

RAW = frozenset({"extra", "raw_line"})
"""Columns that hold what nobody has looked at: all of it is hidden."""

_SHORTEST = 5
# what only looks like a number: a UUID, a hexadecimal id, a compact instant, a sum to six decimals
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
    """The cell of a column with at most ``prefix`` digits of a number; ``names`` are the columns that hold names."""
    if column in RAW:
        return "…"
    if column in names and any(letter.isalpha() for letter in text):
        return f"{text[:1]}…"
    found = _ID_OR_NUMBER.sub(lambda match: match[0] if match["id"] else _beginning(match[0], prefix), text)
    if found == text and (column in NUMBERS or column in names):  # a short one, or written with spaces
        user, at, host = text.partition("@")
        return f"{_beginning(user, prefix)}{at}{host}"
    return found


def _beginning(number: str, prefix: int) -> str:
    """The number with its first digits alone; of a short one fewer, or none."""
    places = [at for at, digit in enumerate(number) if digit.isdigit()]
    hidden = set(places[max(0, min(prefix, len(places) - HIDDEN_DIGITS)) :])
    return "".join("x" if at in hidden else digit for at, digit in enumerate(number))
