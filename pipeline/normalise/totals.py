"""Control totals: what must be equal in the file, in the frames made of it, and in the lake, to the last digit."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import pyarrow as pa
import pyarrow.compute as pc

_WIDE = pa.decimal128(38, 6)
_LARGEST = Decimal(10) ** 15


@dataclass(frozen=True)
class Totals:
    """Rows, and the exact sum of each control column (seconds and US dollars)."""

    rows: int
    sums: Mapping[str, Decimal]

    def __add__(self, other: "Totals") -> "Totals":
        names = self.sums.keys() | other.sums.keys()
        zero = Decimal(0)
        return Totals(
            self.rows + other.rows, {n: self.sums.get(n, zero) + other.sums.get(n, zero) for n in sorted(names)}
        )


def of_table(table: pa.Table, columns: Iterable[str]) -> Totals:
    """The totals of rows, typed or still text: the text is summed by a cast of its own, not by the typing rules."""
    return Totals(table.num_rows, {name: _sum(table[name]) for name in columns})


def _sum(column: pa.ChunkedArray) -> Decimal:
    try:
        return pc.sum(column.cast(_WIDE)).as_py() or Decimal(0)
    except pa.ArrowInvalid:
        # some cell is no number: Python's own arithmetic says what the others come to
        return sum((_number(cell) for cell in column.to_pylist() if cell is not None), Decimal(0)) or Decimal(0)


def _number(text: str) -> Decimal:
    """The amount to six decimals, as Arrow gives it; no number is nothing, and so is one too large to add exactly."""
    try:
        amount = round(Decimal(text), 6)
        return amount if abs(amount) < _LARGEST else Decimal(0)
    except InvalidOperation:
        return Decimal(0)
