"""Text to typed columns, in pandas: a strict rule per kind, and the cells that break it named one by one."""

import math
from collections.abc import Iterator, Sequence

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.normalise.schema import Column, Kind

_MIDNIGHT = {Kind.INSTANT: " 00:00:00", Kind.ZONED_INSTANT: "T00:00:00Z"}
_SHORTEST = {kind: len("2026-10-31" + midnight) for kind, midnight in _MIDNIGHT.items()}

# The length of a cell tells most of those that do not fit, at hardly any cost; by itself it proves nothing.
_LONG = {Kind.INTEGER: 9, Kind.MONEY: len("12345.000000")}
_RARE = 0.01

_NAIVE = pa.timestamp("us")
_FIRST = {
    Kind.INSTANT: pd.Timestamp("0001-01-01").to_pydatetime(),
    Kind.ZONED_INSTANT: pd.Timestamp("0001-01-01", tz="UTC").to_pydatetime(),
}

MEANT = {
    Kind.TEXT: "text",
    Kind.INSTANT: "a time like 2026-10-31 23:59:59",
    Kind.ZONED_INSTANT: "a time like 2026-10-31T23:59:59Z",
    Kind.INTEGER: "a whole number",
    Kind.MONEY: "an amount with up to 12 digits before and 6 after the point",
}

_DAY = r"[12]\d{3}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
_TIME = r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d"

# What cells look like that fit for certain, but for days that no month has; any others are tried one by one.
_ORDINARY = {
    Kind.INSTANT: rf"\A{_DAY} {_TIME}\z",
    Kind.ZONED_INSTANT: rf"\A{_DAY}T{_TIME}Z\z",
    Kind.INTEGER: r"\A-?\d{1,9}\z",
    Kind.MONEY: r"\A-?\d{1,12}(\.\d{1,6})?\z",
}


def typed(text: pd.Series, kind: Kind) -> pd.Series:
    """The column in its type; raises ``ArrowInvalid`` unless every cell fits exactly."""
    if kind in _SHORTEST and _shortest(text) < _SHORTEST[kind]:
        raise pa.ArrowInvalid("a time without seconds")  # a date alone would pass as midnight
    if kind in _FIRST:
        times = text.astype(pd.ArrowDtype(_NAIVE if kind is Kind.INSTANT else kind.type))
        if (times < _FIRST[kind]).any():  # Arrow knows a year 0, Python and its readers do not
            raise pa.ArrowInvalid("a time in the year 0")
        return times.astype(pd.ArrowDtype(kind.type))
    fit = text.astype(pd.ArrowDtype(kind.type))
    if kind is Kind.INTEGER and not text.str.isdecimal().all() and _has(text, "x", "X"):
        raise pa.ArrowInvalid("a hexadecimal number")  # Arrow would read 0x10 as sixteen
    return fit


def _shortest(text: pd.Series) -> float:
    """The bytes of the shortest cell; pandas counts characters, which takes as long as typing them."""
    fewest = pc.min(pc.binary_length(pa.array(text))).as_py()
    return math.inf if fewest is None else fewest


def _has(text: pd.Series, *characters: str) -> bool:
    return any(text.str.contains(character, regex=False).any() for character in characters)


def type_columns(text: pa.Table, columns: Sequence[Column]) -> tuple[pa.Table, dict[int, str]]:
    """Every column in its type, and why rows are to be left out, by their place: what does not fit is null in them."""
    fit: dict[str, pa.ChunkedArray] = {}
    reasons: dict[int, str] = {}
    for column in columns:
        cells = text[column.name]
        if column.required and cells.null_count:
            reasons = _named(cells.is_null(), f"{column.name} is empty") | reasons
        if column.kind is not Kind.TEXT:
            cells, misfits = _typed(cells, column.kind)
            # the first column that does not fit is the one that is named
            reasons = _named(misfits, f"{column.name} is not {MEANT[column.kind]}") | reasons
        fit[column.name] = cells
    return pa.table(fit), reasons


def _named(rows: pa.ChunkedArray | None, reason: str) -> dict[int, str]:
    return dict.fromkeys(pc.indices_nonzero(rows).to_pylist(), reason) if rows is not None else {}


def _typed(cells: pa.ChunkedArray, kind: Kind) -> tuple[pa.ChunkedArray, pa.ChunkedArray | None]:
    """The cells in their type, those that do not fit being null, and which those are if there are any."""
    if pa.types.is_dictionary(cells.type):
        words = cells.combine_chunks()
        fit, misfits = _typed(pa.chunked_array([words.dictionary]), kind)
        return fit.take(words.indices), None if misfits is None else misfits.take(words.indices)
    tried: list[str] | None = None
    for suspects in _suspects(cells, kind):
        some = cells.filter(suspects)
        unfit = [cell for cell in some.unique().to_pylist() if not _fits(cell, kind)]
        if unfit == tried:
            continue
        misfits = _among(suspects, pc.is_in(some, pa.array(unfit, pa.string()))) if unfit else None
        try:
            return _strict(cells if misfits is None else pc.if_else(misfits, None, cells), kind), misfits
        except pa.ArrowInvalid:  # there are others
            tried = unfit
    raise AssertionError("what looks ordinary does not fit")


def _among(suspects: pa.ChunkedArray, guilty: pa.ChunkedArray) -> pa.ChunkedArray:
    """Of all cells the guilty ones; to look for those few in the whole column would take longer."""
    return pc.replace_with_mask(suspects, suspects.combine_chunks(), guilty.combine_chunks())


def _strict(cells: pa.ChunkedArray, kind: Kind) -> pa.ChunkedArray:
    return pa.array(typed(cells.to_pandas(types_mapper=pd.ArrowDtype), kind))


def _suspects(cells: pa.ChunkedArray, kind: Kind) -> Iterator[pa.ChunkedArray]:
    """Which cells may not fit: guesses that cost little and are nearly always right, then for certain."""
    length = pc.binary_length(cells)
    odd = pc.not_equal(length, _SHORTEST[kind]) if kind in _SHORTEST else pc.greater(length, _LONG[kind])
    # where many are of another length, that is how they are served
    yield odd if (pc.mean(odd).as_py() or 0) < _RARE else pc.and_(odd, False)
    if kind is Kind.INTEGER:
        odd = pc.or_kleene(odd, pc.invert(pc.utf8_is_decimal(cells)))
    elif kind in _SHORTEST:
        days = pc.utf8_slice_codeunits(cells, 0, len("2026-10-31"))
        impossible = [day for day in days.unique().to_pylist() if day and not _fits(day + _MIDNIGHT[kind], kind)]
        odd = pc.or_kleene(odd, pc.is_in(days, pa.array(impossible, pa.string())))
    yield odd
    yield pc.or_kleene(odd, pc.invert(pc.match_substring_regex(cells, _ORDINARY[kind])))


def _fits(cell: str, kind: Kind) -> bool:
    """What ``typed`` says of a column, of one cell: many are tried, and a column of one is dear."""
    if kind in _SHORTEST and len(cell) < _SHORTEST[kind]:
        return False
    if kind is Kind.INTEGER and "x" in cell.lower():
        return False
    try:
        fit = pa.scalar(cell).cast(_NAIVE if kind is Kind.INSTANT else kind.type)
    except pa.ArrowInvalid:
        return False
    return kind not in _FIRST or pc.greater_equal(fit, pa.scalar(_FIRST[kind], fit.type)).as_py()
