"""Text to typed columns, in pandas: a strict rule per kind, and the cells that break it named one by one."""

from collections.abc import Iterator, Sequence

import pandas as pd
import pyarrow as pa

from pipeline.normalise.schema import Column, Kind

_SECONDS_LONG = len("2026-10-31 23:59:59")

_FIRST_YEAR = pd.Timestamp("0001-01-01").to_pydatetime()

MEANT = {
    Kind.TEXT: "text",
    Kind.INSTANT: "a time like 2026-10-31 23:59:59",
    Kind.INTEGER: "a whole number",
    Kind.MONEY: "an amount with up to 12 digits before and 6 after the point",
}

# What ordinary cells look like: the others are tried one by one where a column holds something bad.
_SHAPE = {
    Kind.INSTANT: r"[12]\d{3}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}",
    Kind.INTEGER: r"-?\d{1,9}",
    Kind.MONEY: r"-?\d{1,12}(\.\d{1,6})?",
}


def typed(text: pd.Series, kind: Kind) -> pd.Series:
    """The column in its type; raises ``ArrowInvalid`` unless every cell fits exactly."""
    match kind:
        case Kind.TEXT:
            return text
        case Kind.INSTANT:
            if text.notna().any() and text.str.len().min() < _SECONDS_LONG:  # a date alone would pass as midnight
                raise pa.ArrowInvalid("a time without seconds")
            naive = text.astype(pd.ArrowDtype(pa.timestamp("us")))
            if (naive < _FIRST_YEAR).any():  # Arrow knows a year 0, Python and its readers do not
                raise pa.ArrowInvalid("a time in the year 0")
            return naive.astype(pd.ArrowDtype(kind.value))
        case Kind.INTEGER if not text.str.isdecimal().all() and text.str.contains("[xX]").any():
            raise pa.ArrowInvalid("a hexadecimal number")  # Arrow would read 0x10 as sixteen
        case _:
            return text.astype(pd.ArrowDtype(kind.value))


def type_frame(text: pd.DataFrame, columns: Sequence[Column]) -> tuple[pd.DataFrame, dict[int, str]]:
    """Type every column; where cells do not fit, leave out their rows and give the reason for each.

    Returns the typed rows, with the index they had, and the reasons by the index of the rows left out.
    """
    try:
        return _assigned(text, columns), {}
    except pa.ArrowInvalid:
        reasons = {row: why for column in reversed(columns) for row, why in _unfit(text[column.name], column)}
        return _assigned(text.drop(index=list(reasons)), columns), reasons


def _assigned(text: pd.DataFrame, columns: Sequence[Column]) -> pd.DataFrame:
    if any(text[column.name].hasnans for column in columns if column.required):
        raise pa.ArrowInvalid("a required cell is empty")
    return text.assign(**{c.name: typed(text[c.name], c.kind) for c in columns if c.kind is not Kind.TEXT})


def _unfit(text: pd.Series, column: Column) -> Iterator[tuple[int, str]]:
    if column.required:
        yield from ((row, f"{column.name} is empty") for row in text.index[text.isna()])
    if column.kind is not Kind.TEXT:
        yield from ((row, f"{column.name} is not {MEANT[column.kind]}") for row in _misfits(text, column.kind))


def _misfits(text: pd.Series, kind: Kind) -> list[int]:
    """The index of every cell that does not fit: those of unusual shape, tried one by one, and any others."""
    if _fits(text, kind):
        return []
    ordinary = text.str.fullmatch(_SHAPE[kind]).fillna(True).astype(bool)
    suspects, plain = text[~ordinary], text[ordinary]
    odd = [int(suspects.index[at]) for at in range(len(suspects)) if not _fits(suspects.iloc[at : at + 1], kind)]
    return odd + [int(plain.index[at]) for at in _search(pa.array(plain), kind)]


def _search(cells: pa.Array, kind: Kind, begin: int = 0) -> list[int]:
    """The places of cells of ordinary shape that do not fit all the same, such as 30 February, by halving."""
    try:
        cells.cast(pa.timestamp("us") if kind is Kind.INSTANT else kind.value)
    except pa.ArrowInvalid:
        if len(cells) == 1:
            return [begin]
        middle = len(cells) // 2
        return _search(cells[:middle], kind, begin) + _search(cells[middle:], kind, begin + middle)
    return []


def _fits(text: pd.Series, kind: Kind) -> bool:
    try:
        typed(text, kind)
    except pa.ArrowInvalid:
        return False
    return True
