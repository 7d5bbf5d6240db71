"""The rule of each kind of cell: once for a whole column, in pandas, and once for a single cell.

Two kinds of misfit are kept in another form, so that their record is not lost. A zero date means no time, and becomes
NULL. A price with more than six decimals is rounded half to even, as the control totals are.
"""

import math
import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal, InvalidOperation

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.normalise.schema import LONGEST_CALL, Kind

_YEAR_1 = -62_135_596_800_000_000
_ZERO_DATES = (0, _YEAR_1)
"""The microseconds since 1970 of dates that software writes for no time. Arrow cannot hold the year 0 as one."""

_SCALE = 6
_MOST = Decimal(10) ** 12
_AMOUNT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_ZERO_DATE = re.compile(
    r"(0000-0[01]-0[01]|0001-01-01|1970-01-01)([ T]00:00(:00(\.0+)?)?)?(Z|[+-]00:?00)?", re.ASCII | re.IGNORECASE
)

_MIDNIGHT = {Kind.TIMESTAMP: " 00:00:00", Kind.TIMESTAMPTZ: "T00:00:00Z"}
_SHORTEST = {kind: len("2026-10-31" + midnight) for kind, midnight in _MIDNIGHT.items()}
_WHOLE = (Kind.INTEGER, Kind.INT32, Kind.SECONDS)

# Most cells that do not fit show by their length, at hardly any cost. The length alone proves nothing.
_LONG = {Kind.INTEGER: 18, Kind.INT32: 9, Kind.SECONDS: 6, Kind.MONEY: len("12345.000000")}
_RARE = 0.01

_NAIVE = pa.timestamp("us")
_MOST_SECONDS = LONGEST_CALL // timedelta(seconds=1)

EXPECTED = {
    Kind.TEXT: "text",
    Kind.TIMESTAMP: "a time like 2026-10-31 23:59:59",
    Kind.TIMESTAMPTZ: "a time like 2026-10-31T23:59:59Z",
    Kind.INTEGER: "a whole number of at most 64 bits",
    Kind.INT32: "a whole number of at most 32 bits",
    Kind.SECONDS: f"whole seconds from 0 to {_MOST_SECONDS}, which are {LONGEST_CALL.days} days",
    Kind.MONEY: "an amount with up to 12 digits before the point",
}

_DAY = r"[12]\d{3}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
_TIME = r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d"

# Cells of these forms fit for certain, except for days such as 2026-02-30. All others are tried one by one.
_ORDINARY = {
    Kind.TIMESTAMP: rf"\A{_DAY} {_TIME}\z",
    Kind.TIMESTAMPTZ: rf"\A{_DAY}T{_TIME}Z\z",
    **{kind: rf"\A\d{{1,{_LONG[kind]}}}\z" for kind in _WHOLE},
    Kind.MONEY: r"\A-?\d{1,12}(\.\d{1,6})?\z",
}


def typed(text: pd.Series, kind: Kind) -> pd.Series:
    """Return the column in its type; raises ``ArrowInvalid`` unless every cell fits."""
    if kind in _SHORTEST:
        return _times(text, kind)
    fit = text.astype(pd.ArrowDtype(kind.type))
    if kind in _WHOLE and not text.str.isdecimal().all() and _has(text, "x", "X"):
        raise pa.ArrowInvalid("a hexadecimal number")  # Arrow would read 0x10 as sixteen
    if kind is Kind.SECONDS and not all(map(_can_last, pc.min_max(pa.array(fit)).as_py().values())):
        raise pa.ArrowInvalid("no call lasts so long, or less than nothing")
    return fit


def _times(text: pd.Series, kind: Kind) -> pd.Series:
    if _shortest(text) < _SHORTEST[kind]:
        raise pa.ArrowInvalid("a time without seconds")  # Arrow would read a date alone as midnight
    times = text.astype(pd.ArrowDtype(_NAIVE if kind is Kind.TIMESTAMP else kind.type))
    moments = pa.array(times).cast(pa.int64())
    first = pc.min(moments).as_py()
    if first is not None and first <= 0 and not all(map(_is_time, pc.unique(moments).to_pylist())):
        raise pa.ArrowInvalid("a zero date")
    return times.astype(pd.ArrowDtype(kind.type))


def _is_time(moment: int | None) -> bool:
    """Whether a time can be used: Arrow has a year 0, Python and other readers do not."""
    return moment is None or (moment >= _YEAR_1 and moment not in _ZERO_DATES)


def _can_last(seconds: int | None) -> bool:
    return seconds is None or 0 <= seconds <= _MOST_SECONDS


def _shortest(text: pd.Series) -> float:
    """Return the bytes of the shortest cell. Counting characters, as pandas does, takes as long as typing them."""
    fewest = pc.min(pc.binary_length(pa.array(text))).as_py()
    return math.inf if fewest is None else fewest


def _has(text: pd.Series, *characters: str) -> bool:
    return any(text.str.contains(character, regex=False).any() for character in characters)


def suspect_cells(cells: pa.ChunkedArray, kind: Kind) -> Iterator[pa.ChunkedArray]:
    """Yield masks of the cells that may not fit, from a cheap guess to a certain answer.

    1. Cells of an unusual length. Costs little, and is nearly always right.
    2. Also whole numbers with other characters than digits, and times on days that do not exist.
    3. Also all cells that do not have the ordinary form. All cells outside this mask fit.
    """
    length = pc.binary_length(cells)
    odd = pc.not_equal(length, _SHORTEST[kind]) if kind in _SHORTEST else pc.greater(length, _LONG[kind])
    # where many cells have another length, the vendor writes them so
    yield odd if (pc.mean(odd).as_py() or 0) < _RARE else pc.and_(odd, False)
    if kind in _WHOLE:
        odd = pc.or_kleene(odd, pc.invert(pc.utf8_is_decimal(cells)))
    elif kind in _SHORTEST:
        days = pc.utf8_slice_codeunits(cells, 0, len("2026-10-31"))
        impossible = [day for day in days.unique().to_pylist() if day and not fits(day + _MIDNIGHT[kind], kind)]
        odd = pc.or_kleene(odd, pc.is_in(days, pa.array(impossible, pa.string())))
    yield odd
    yield pc.or_kleene(odd, pc.invert(pc.match_substring_regex(cells, _ORDINARY[kind])))


def fits(cell: str, kind: Kind) -> bool:
    """Whether ``typed`` accepts the cell. Many cells are tried, and a pandas column of one cell is slow."""
    if len(cell) < _SHORTEST.get(kind, 0) or (kind in _WHOLE and "x" in cell.lower()):
        return False
    try:
        fit = pa.scalar(cell).cast(_NAIVE if kind is Kind.TIMESTAMP else kind.type)
    except pa.ArrowInvalid:
        return False
    if kind in _SHORTEST:
        return _is_time(fit.value)
    return kind is not Kind.SECONDS or _can_last(fit.as_py())


def replacement(cell: str, kind: Kind) -> str | None:
    """Return the text to type instead of a misfit: empty for NULL, None where the record must be rejected."""
    if kind is Kind.MONEY:
        return _rounded(cell)
    return "" if kind in (Kind.TIMESTAMP, Kind.TIMESTAMPTZ) and _is_zero_date(cell) else None


def is_same_amount(text: str, cell: str) -> bool:
    """Whether a replacement has the value of the cell: then the cell only had more zeros at its end."""
    return text != "" and Decimal(text) == Decimal(cell)


def _is_zero_date(cell: str) -> bool:
    if _ZERO_DATE.fullmatch(cell):
        return True
    try:  # the zero date may be written in any zone
        return pa.scalar(cell).cast(Kind.TIMESTAMPTZ.type).value in _ZERO_DATES
    except pa.ArrowInvalid:
        return False


def _rounded(cell: str) -> str | None:
    if not _AMOUNT.fullmatch(cell):
        return None
    try:
        amount = round(Decimal(cell), _SCALE)
    except InvalidOperation:  # too large by far
        return None
    return f"{amount:f}" if abs(amount) < _MOST else None
