"""Markdown for the UI: tables whose cells show what they hold, and cannot be links, images or HTML."""

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal

_MARKUP = re.compile(r"([\\`*\[\]<>|~!&])")


def table(names: Sequence[str], rows: Iterable[Sequence[object]], longest: int | None = 60) -> str:
    """Rows as a table, a text cut after ``longest`` characters; a column of numbers stands to the right."""
    kept = list(rows)
    right = [bool(kept) and all(_is_number(row[place]) for row in kept) for place in range(len(names))]
    rule = ["--:" if number else "---" for number in right]
    lines = [[escaped(name) for name in names], rule, *([_cell(value, longest) for value in row] for row in kept)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def escaped(text: str) -> str:
    """The text as Markdown that shows it: what a far end sent as its reason must not become a link or an image."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def _cell(value: object, longest: int | None) -> str:
    """Money to its last digit, ratios to six."""
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
