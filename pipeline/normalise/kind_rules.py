"""What the text of a cell must be, kind by kind: a strict rule for whole columns, in pandas, and the same for one cell.

Rather than to lose its record, a cell is kept in another form where that is certain. A zero date stands for no time at
all: it is NULL. A price with more decimals than its column has is rounded, half to even, as the control totals are.
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
"""What software writes for no time at all, in microseconds since 1970; the year 0 cannot be written as one."""

_SCALE = 6
_MOST = Decimal(10) ** 12
_AMOUNT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_ZERO_DATE = re.compile(
    r"(0000-0[01]-0[01]|0001-01-01|1970-01-01)([ T]00:00(:00(\.0+)?)?)?(Z|[+-]00:?00)?", re.ASCII | re.IGNORECASE
)

_MIDNIGHT = {Kind.TIMESTAMP: " 00:00:00", Kind.TIMESTAMPTZ: "T00:00:00Z"}
_SHORTEST = {kind: len("2026-10-31" + midnight) for kind, midnight in _MIDNIGHT.items()}
_WHOLE = (Kind.INTEGER, Kind.INT32, Kind.SECONDS)

# The length of a cell tells most of those that do not fit, at hardly any cost; by itself it proves nothing.
_LONG = {Kind.INTEGER: 18, Kind.INT32: 9, Kind.SECONDS: 6, Kind.MONEY: len("12345.000000")}
_RARE = 0.01

_NAIVE = pa.timestamp("us")
_MOST_SECONDS = LONGEST_CALL // timedelta(seconds=1)

MEANT = {
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

# What cells look like that fit for certain, but for days that no month has; any others are tried one by one.
_ORDINARY = {
    Kind.TIMESTAMP: rf"\A{_DAY} {_TIME}\z",
    Kind.TIMESTAMPTZ: rf"\A{_DAY}T{_TIME}Z\z",
    **{kind: rf"\A\d{{1,{_LONG[kind]}}}\z" for kind in _WHOLE},
    Kind.MONEY: r"\A-?\d{1,12}(\.\d{1,6})?\z",
}


def typed(text: pd.Series, kind: Kind) -> pd.Series:
    """The column in its type; raises ``ArrowInvalid`` unless every cell fits exactly."""
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
        raise pa.ArrowInvalid("a time without seconds")  # a date alone would pass as midnight
    times = text.astype(pd.ArrowDtype(_NAIVE if kind is Kind.TIMESTAMP else kind.type))
    moments = pa.array(times).cast(pa.int64())
    first = pc.min(moments).as_py()
    if first is not None and first <= 0 and not all(map(_is_time, pc.unique(moments).to_pylist())):
        raise pa.ArrowInvalid("a zero date")
    return times.astype(pd.ArrowDtype(kind.type))


def _is_time(moment: int | None) -> bool:
    """Arrow knows a year 0, Python and its readers do not."""
    return moment is None or (moment >= _YEAR_1 and moment not in _ZERO_DATES)


def _can_last(seconds: int | None) -> bool:
    return seconds is None or 0 <= seconds <= _MOST_SECONDS


def _shortest(text: pd.Series) -> float:
    """The bytes of the shortest cell; pandas counts characters, which takes as long as typing them."""
    fewest = pc.min(pc.binary_length(pa.array(text))).as_py()
    return math.inf if fewest is None else fewest


def _has(text: pd.Series, *characters: str) -> bool:
    return any(text.str.contains(character, regex=False).any() for character in characters)


def suspects_of(cells: pa.ChunkedArray, kind: Kind) -> Iterator[pa.ChunkedArray]:
    """Which cells may not fit: guesses that cost little and are nearly always right, then for certain."""
    length = pc.binary_length(cells)
    odd = pc.not_equal(length, _SHORTEST[kind]) if kind in _SHORTEST else pc.greater(length, _LONG[kind])
    # where many are of another length, that is how they are served
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
    """What ``typed`` says of a column, of one cell: many are tried, and a column of one takes long."""
    if len(cell) < _SHORTEST.get(kind, 0) or (kind in _WHOLE and "x" in cell.lower()):
        return False
    try:
        fit = pa.scalar(cell).cast(_NAIVE if kind is Kind.TIMESTAMP else kind.type)
    except pa.ArrowInvalid:
        return False
    if kind in _SHORTEST:
        return _is_time(fit.value)
    return kind is not Kind.SECONDS or _can_last(fit.as_py())


def kept_as(cell: str, kind: Kind) -> str | None:
    """The text that is typed instead of a cell that does not fit, empty for none; None where there is nothing."""
    if kind is Kind.MONEY:
        return _rounded(cell)
    return "" if kind in (Kind.TIMESTAMP, Kind.TIMESTAMPTZ) and _is_zero_date(cell) else None


def is_same(form: str, cell: str) -> bool:
    """Whether the text that is typed instead of a cell says the same, as an amount with many zeros at its end does."""
    return form != "" and Decimal(form) == Decimal(cell)


def _is_zero_date(cell: str) -> bool:
    if _ZERO_DATE.fullmatch(cell):
        return True
    try:  # the same moment may be written in any zone
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
