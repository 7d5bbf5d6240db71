"""Control totals: what must be equal in the file, in the frames made of it, and in the lake, to the last digit."""

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
_QUICK = 1e12
_NEAR = 1e-3


@dataclass(frozen=True)
class Totals:
    """Rows, the exact sum of each control column (seconds and US dollars), and how many amounts are in no sum.

    Those are ``unknown``: text that is no amount, or cells that could not be told apart.
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


def unread(records: int, columns: Iterable[str]) -> Totals:
    """The totals of records whose cells could not be told apart: no amount of theirs is known."""
    names = tuple(columns)
    return Totals(records, dict.fromkeys(names, Decimal(0)), dict.fromkeys(names, records))


def of_table(table: pa.Table, columns: Iterable[str]) -> Totals:
    """The totals of rows, typed or still words: these are summed by arithmetic of their own, not by the rules."""
    found = {name: _sum(table[name]) for name in columns}
    return Totals(
        table.num_rows, {name: total for name, (total, _) in found.items()}, {name: n for name, (_, n) in found.items()}
    )


def _sum(column: pa.ChunkedArray) -> tuple[Decimal, int]:
    """The sum of a column, and how many of its cells are no amount."""
    if not pa.types.is_dictionary(column.type):
        return _NOTHING + (pc.sum(column).as_py() or 0), 0
    words, times = _counted(column.combine_chunks())
    quick = _millionths(words, times)
    if quick is not None:
        return quick, 0
    # some word is no number, or a large or a long one: Python's own arithmetic says what those come to
    plain = pc.match_substring_regex(words, _PLAIN).to_numpy(zero_copy_only=False)
    rest = [
        (_number(word), n) for word, n in zip(words.filter(~plain).to_pylist(), times[~plain].tolist(), strict=True)
    ]
    known = sum((amount * n for amount, n in rest if amount is not None), Decimal(0))
    sums = known + (_millionths(words.filter(plain), times[plain]) or _NOTHING)
    return sums, sum(n for amount, n in rest if amount is None)


def _counted(cells: pa.DictionaryArray) -> tuple[pa.Array, np.ndarray]:
    """The words that there are, and how many times each."""
    words = cells.dictionary
    times = np.bincount(cells.indices.drop_null(), minlength=len(words))
    return words.filter(times > 0), times[times > 0]


def _millionths(words: pa.Array, times: np.ndarray) -> Decimal | None:
    """The sum of words that come so many times in whole millionths, or None where doubles cannot tell it.

    Below a million a double errs by less than a thousandth of a millionth: what is as near as that to a whole number
    of them rounds to it, and those are added as integers, exactly.
    """
    try:
        scaled = words.cast(pa.float64()).to_numpy() * 1e6
    except pa.ArrowInvalid:
        return None
    whole = np.rint(scaled)
    if not (np.abs(scaled) < _QUICK).all() or (np.abs(scaled - whole) > _NEAR).any():
        return None
    return Decimal(int(whole.astype(np.int64) @ times)).scaleb(-6)


def _number(text: str) -> Decimal | None:
    """The amount to six decimals, as Arrow gives it; none where it is no number, or one too large to add exactly."""
    try:
        amount = round(Decimal(text), 6)
        return amount if abs(amount) < _LARGEST else None
    except InvalidOperation:
        return None
