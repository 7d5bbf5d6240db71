"""Type one block of records. This is the work of one worker thread."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from functools import cached_property

import numpy as np
import pyarrow as pa

from pipeline.errors import PermanentError
from pipeline.normalise.blocks import Block
from pipeline.normalise.header import Layout, extra_name
from pipeline.normalise.parse import DICTIONARY_TEXT, UNCLOSED_QUOTE, Parsed, Reject, parse
from pipeline.normalise.quoting import record_bounds
from pipeline.normalise.schema import AS_SERVED
from pipeline.normalise.table import Table
from pipeline.normalise.totals import Totals, totals_of, unknown_totals
from pipeline.normalise.typing_rules import type_columns

_EXTRA = pa.map_(pa.string(), pa.string())

RAW_LINE = "raw_line"
"""The key in ``extra`` of the whole record as served, in rows in which bytes were replaced."""


@dataclass
class Batch:
    """A block after parsing and typing. All positions count the block's records from 0.

    Attributes:
        table: The typed rows.
        positions: The position of each row.
        rejected: Each rejected record with its line in the file and its text.
        records: The number of records in the block.
        replaced: The number of kept rows in which bytes that are not UTF-8 were replaced.
        text: The totals of all records.
        diverted: The totals of the rejected records.
        altered: By column, the cells of kept rows that are kept in another form than served.
    """

    table: pa.Table
    positions: np.ndarray
    rejected: list[tuple[Reject, int, str]]
    records: int
    replaced: int
    text: Totals
    diverted: Totals
    altered: Mapping[str, int]


def type_block(block: Block, shape: Layout, table: Table, what: str = "The file") -> Batch:
    """Parse and type one block, and account for each of its records.

    Args:
        block: Whole records.
        shape: The columns of the file.
        table: How the rows are typed.
        what: The name of the file in error messages.

    Raises:
        PermanentError: The parser found another number of records than there are in the bytes.
    """
    parsed = parse(block, shape.names, table.control, shape.surplus)
    if parsed.records != parsed.counted:
        raise PermanentError(
            f"{what} has {parsed.counted} records from line {block.first_line} on, but {parsed.records} were read, so "
            "nothing was loaded; the file is kept, report this as a fault."
        )
    text = _with_absent(parsed.text, table)
    typed = type_columns(text, table.columns)
    reasons = {**typed.reasons, **dict.fromkeys(parsed.broken, UNCLOSED_QUOTE)}
    bad = sorted(reasons)
    good = np.ones(text.num_rows, bool)
    good[bad] = False
    left = text.select(table.control).take(pa.array(bad, pa.int64()))  # a table without columns has no rows
    served = ServedRecords(block, parsed.counted)
    rejects = parsed.rejects + [Reject(int(parsed.positions[row]), reasons[row]) for row in bad]
    unknown = unknown_totals(len(parsed.rejects), table.control)
    raw = _replaced(parsed, served)
    return Batch(
        table=_only(good, typed.table.append_column("extra", _extra(text, shape.extras, typed.served, raw))),
        positions=np.delete(parsed.positions, bad),
        rejected=[(one, *served.record(one.position)) for one in sorted(rejects, key=lambda one: one.position)],
        records=parsed.records,
        replaced=len(set(parsed.replaced) - {reject.position for reject in rejects}),
        text=totals_of(text, table.control) + unknown,
        diverted=replace(totals_of(left, table.control), rows=len(bad)) + unknown,
        altered={name: int((good & _valid(cells)).sum()) for name, cells in typed.served.items()},
    )


def _only(rows: np.ndarray, table: pa.Table) -> pa.Table:
    return table if rows.all() else table.filter(pa.array(rows))


def _with_absent(text: pa.Table, table: Table) -> pa.Table:
    """Add the columns that this version of the file lacks: each the sum of its parts, else NULL."""
    present = set(text.column_names)
    for name in [column.name for column in table.columns if column.name not in present]:
        parts = [part for part in table.sums.get(name, ()) if part in text.column_names]
        amounts = zip(*(text[part].cast(pa.string()).to_pylist() for part in parts), strict=True)
        cells = pa.array([_added(row) for row in amounts] if parts else pa.nulls(text.num_rows), pa.string())
        text = text.append_column(name, cells.cast(DICTIONARY_TEXT) if name in table.control else cells)
    return text


def _added(cells: tuple[str | None, ...]) -> str | None:
    """Return the exact sum of the cells that are not empty; where one of them is not an amount, return that cell."""
    for cell in cells:
        if cell and not _is_amount(cell):
            return cell
    return f"{sum(Decimal(cell) for cell in cells if cell):f}" if any(cells) else None


def _is_amount(cell: str) -> bool:
    try:
        return Decimal(cell).is_finite()
    except InvalidOperation:
        return False


def _replaced(parsed: Parsed, served: "ServedRecords") -> dict[int, str]:
    """Return by row the record as served, for the rows in which bytes were replaced."""
    if not parsed.replaced:
        return {}
    rows = np.flatnonzero(np.isin(parsed.positions, parsed.replaced)).tolist()
    return {row: served.record(int(parsed.positions[row]))[1] for row in rows}


def _extra(
    text: pa.Table, extras: tuple[str, ...], served: Mapping[str, pa.ChunkedArray], raw: Mapping[int, str]
) -> pa.Array:
    """Return the map ``extra`` of each row: what was served and has no column.

    Where the file has extra columns, a row without such cells has an empty map, else NULL.

    Args:
        text: The cells of the rows as served.
        extras: The headers that the schema does not know.
        served: By column, the cells that are kept in another form, and NULL for all others.
        raw: By row, the whole record, where bytes of it were replaced.
    """
    cells = {name: text[extra_name(name)] for name in extras} | {
        name + AS_SERVED: found for name, found in served.items()
    }
    if raw:
        cells[RAW_LINE] = pa.chunked_array([pa.array(map(raw.get, range(text.num_rows)), pa.string())])
    if not cells:
        return pa.nulls(text.num_rows, _EXTRA)
    valid = np.column_stack([_valid(column) for column in cells.values()])
    rows, columns = valid.nonzero()  # in the order of rows
    both = pa.concat_arrays([column.combine_chunks() for column in cells.values()])
    ends = valid.sum(axis=1).cumsum()
    nothing = np.append(~valid.any(axis=1), False) if not extras else None
    begins = pa.array(np.append(0, ends), pa.int32(), mask=nothing)
    names = pa.array(list(cells), pa.string()).take(pa.array(columns))
    return pa.MapArray.from_arrays(begins, names, both.take(pa.array(columns * text.num_rows + rows)), _EXTRA)


def _valid(cells: pa.ChunkedArray) -> np.ndarray:
    valid: np.ndarray = cells.is_valid().to_numpy()
    return valid


class ServedRecords:
    """The text of a block's records. Their bounds are computed when the first record is requested."""

    def __init__(self, block: Block, records: int) -> None:
        self._block, self._records = block, records

    @cached_property
    def _bounds(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return record_bounds(self._block.readable, self._block.delimiter, self._records)

    def record(self, at: int) -> tuple[int, str]:
        """Return the line in the file and the text of the record at this position."""
        lines, begins, ends = self._bounds
        return self._block.first_line + int(lines[at]), _shown(bytes(self._block.data[begins[at] : ends[at]]))


def _shown(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace").rstrip("\r\n")
