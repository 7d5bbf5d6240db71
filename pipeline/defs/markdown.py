"""Write Markdown for the UI: tables whose cells show their text, and cannot become links, images or HTML."""

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal

_MARKUP = re.compile(r"([\\`*\[\]<>|~!&])")


def table(names: Sequence[str], rows: Iterable[Sequence[object]], longest: int | None = 60) -> str:
    """Return rows as a table, with columns of numbers to the right.

    Args:
        names: The heads of the columns.
        rows: Values in the order of the heads.
        longest: The most characters of a text that are shown; None is no limit.
    """
    known = list(rows)
    right = [bool(known) and all(_is_number(row[column]) for row in known) for column in range(len(names))]
    rule = ["--:" if number else "---" for number in right]
    lines = [[escaped(name) for name in names], rule, *([_cell(value, longest) for value in row] for row in known)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def escaped(text: str) -> str:
    """Return Markdown that shows the text: a reason sent by the far end must not become a link or an image."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def _cell(value: object, longest: int | None) -> str:
    """Write money to its last digit and ratios to six digits."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, bool | int | date | datetime):
        return str(value)
    text = str(value)
    return escaped(text if longest is None or len(text) <= longest else f"{text[:longest]}…")


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float | Decimal) and not isinstance(value, bool))
