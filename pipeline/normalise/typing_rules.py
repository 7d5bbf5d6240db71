"""Text to typed columns, in pandas: a strict rule per kind, and the cells that break it named one by one."""

from collections.abc import Iterator, Sequence

import pandas as pd
import pyarrow as pa

from pipeline.normalise.schema import Column, Kind

_SECONDS_LONG = len("2026-10-31 23:59:59")

_NAIVE = pa.timestamp("us")
_FIRST_YEAR = pd.Timestamp("0001-01-01").to_pydatetime()

MEANT = {
    Kind.TEXT: "text",
    Kind.INSTANT: "a time like 2026-10-31 23:59:59",
    Kind.INTEGER: "a whole number",
    Kind.MONEY: "an amount with up to 12 digits before and 6 after the point",
}

# What cells look like that fit for certain, but for days that no month has; any others are tried one by one.
_ORDINARY = {
    Kind.INSTANT: r"[12]\d{3}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01]) ([01]\d|2[0-3]):[0-5]\d:[0-5]\d",
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
            naive = text.astype(pd.ArrowDtype(_NAIVE))
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
    fit: dict[str, pd.Series] = {}
    unfit = []
    for column in columns:
        try:
            fit[column.name] = _strict(text[column.name], column)
        except pa.ArrowInvalid:
            unfit.append(column)
    frame = text.assign(**fit)
    if not unfit:
        return frame, {}
    reasons = {row: why for column in reversed(unfit) for row, why in _reasons(text[column.name], column)}
    frame = frame[~frame.index.isin(list(reasons))]
    return frame.assign(**{column.name: _strict(frame[column.name], column) for column in unfit}), reasons


def _strict(text: pd.Series, column: Column) -> pd.Series:
    if column.required and text.hasnans:
        raise pa.ArrowInvalid("a required cell is empty")
    return typed(text, column.kind)


def _reasons(text: pd.Series, column: Column) -> Iterator[tuple[int, str]]:
    if column.required:
        yield from ((row, f"{column.name} is empty") for row in text.index[text.isna()])
    if column.kind is not Kind.TEXT:
        yield from ((row, f"{column.name} is not {MEANT[column.kind]}") for row in _misfits(text.dropna(), column.kind))


def _misfits(text: pd.Series, kind: Kind) -> list[int]:
    """The index of every cell that does not fit."""
    ordinary = text.str.fullmatch(_ORDINARY[kind]).astype(bool)
    odd = text[~ordinary]
    misfits: list[int] = odd.index[[not _fits(cell, kind) for cell in odd]].to_list()
    if kind is Kind.INSTANT:
        days = text[ordinary].str.slice(0, len("2026-10-31"))
        impossible = [day for day in days.unique() if not _fits(f"{day} 00:00:00", kind)]
        misfits += days.index[days.isin(impossible)].to_list()
    return misfits


def _fits(cell: str, kind: Kind) -> bool:
    """What ``typed`` says of a column, of one cell: many are tried, and a column of one is dear."""
    if kind is Kind.INSTANT and (len(cell) < _SECONDS_LONG or cell < "0001"):
        return False
    if kind is Kind.INTEGER and "x" in cell.lower():
        return False
    try:
        pa.scalar(cell).cast(_NAIVE if kind is Kind.INSTANT else kind.value)
    except pa.ArrowInvalid:
        return False
    return True
