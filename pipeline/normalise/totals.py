"""Control totals: exact sums that must be equal in the file, in the typed rows, and in the lake."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_LARGEST = Decimal(10) ** 15
_NOTHING = Decimal("0.000000")
_PLAIN = r"^-?\d{1,5}(\.\d{1,6})?$"
_MILLION_IN_MILLIONTHS = 1e12
_NEAR = 1e-3


@dataclass(frozen=True)
class Totals:
    """The control totals of some records.

    Attributes:
        rows: The number of records.
        sums: By control column, the exact sum in seconds or US dollars.
        unknown: By control column, the cells that are in no sum: not an amount, or of a record that was not parsed.
    """

    rows: int
    sums: Mapping[str, Decimal]
    unknown: Mapping[str, int]

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(
            self.rows + other.rows, _added(self.sums, other.sums, Decimal(0)), _added(self.unknown, other.unknown, 0)
        )


_Amount = TypeVar("_Amount", Decimal, int)


def _added(some: Mapping[str, _Amount], more: Mapping[str, _Amount], nothing: _Amount) -> dict[str, _Amount]:
    return {name: some.get(name, nothing) + more.get(name, nothing) for name in sorted(some.keys() | more.keys())}


def unknown_totals(records: int, columns: Iterable[str]) -> Totals:
    """Return the totals of records that could not be parsed: all their amounts are unknown."""
    names = tuple(columns)
    return Totals(records, dict.fromkeys(names, Decimal(0)), dict.fromkeys(names, records))


def totals_of(table: pa.Table, columns: Iterable[str]) -> Totals:
    """Return the totals of rows. Amounts may be typed, or dictionary text, which is summed without the typing rules."""
    found = {name: _sum(table[name]) for name in columns}
    return Totals(
        table.num_rows, {name: total for name, (total, _) in found.items()}, {name: n for name, (_, n) in found.items()}
    )


def _sum(column: pa.ChunkedArray) -> tuple[Decimal, int]:
    """Return the sum of a column, and the number of cells that are not an amount."""
    if not pa.types.is_dictionary(column.type):
        return _NOTHING + (pc.sum(column).as_py() or 0), 0
    texts, times = _counted(column.combine_chunks())
    fast = _exact_sum(texts, times)
    if fast is not None:
        return fast, 0
    # some text is not a number, or is too large or too long for the fast way: decimals add up those, one by one
    plain = pc.match_substring_regex(texts, _PLAIN).to_numpy(zero_copy_only=False)
    rest = [
        (_number(text), n) for text, n in zip(texts.filter(~plain).to_pylist(), times[~plain].tolist(), strict=True)
    ]
    known = sum((amount * n for amount, n in rest if amount is not None), Decimal(0))
    total = known + (_exact_sum(texts.filter(plain), times[plain]) or _NOTHING)
    return total, sum(n for amount, n in rest if amount is None)


def _counted(cells: pa.DictionaryArray) -> tuple[pa.Array, np.ndarray]:
    """Return the distinct texts, and how many cells have each."""
    texts = cells.dictionary
    times = np.bincount(cells.indices.drop_null(), minlength=len(texts))
    return texts.filter(times > 0), times[times > 0]


def _exact_sum(texts: pa.Array, times: np.ndarray) -> Decimal | None:
    """Return the exact sum of distinct amounts, each multiplied by its count; None where doubles are not exact enough.

    1. Each text becomes a double, scaled to millionths: ``"12.5"`` gives 12500000.0.
    2. Below one million the error of the double is less than 0.001 millionths. So a value within 0.001 of an integer
       is that integer. Any other value has more than six decimals: return None.
    3. The integers are multiplied and added as 64-bit integers, without an error.

    Args:
        texts: The distinct texts of a column.
        times: How many cells have each text; same length as ``texts``.
    """
    try:
        scaled = texts.cast(pa.float64()).to_numpy() * 1e6
    except pa.ArrowInvalid:
        return None
    whole = np.rint(scaled)
    if not (np.abs(scaled) < _MILLION_IN_MILLIONTHS).all() or (np.abs(scaled - whole) > _NEAR).any():
        return None
    return Decimal(int(whole.astype(np.int64) @ times)).scaleb(-6)


def _number(text: str) -> Decimal | None:
    """Return the amount rounded to six decimals, as Arrow does; None where it is not a number, or is too large."""
    try:
        amount = round(Decimal(text), 6)
        return amount if abs(amount) < _LARGEST else None
    except InvalidOperation:
        return None
