"""A block of records to typed rows: what a worker thread does."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from functools import cached_property

import numpy as np
import pyarrow as pa

from pipeline.errors import PermanentError
from pipeline.normalise.blocks import Block
from pipeline.normalise.header import Layout, extra_name
from pipeline.normalise.parse import OPEN, WORDS, Parsed, Reject, parse
from pipeline.normalise.quoting import record_bounds
from pipeline.normalise.schema import AS_SERVED
from pipeline.normalise.table import Table
from pipeline.normalise.totals import Totals, of_table, unread
from pipeline.normalise.typing_rules import type_columns

_EXTRA = pa.map_(pa.string(), pa.string())

RAW_LINE = "raw_line"
"""Under this name ``extra`` holds the record as served, in rows that do not hold all of it."""


@dataclass
class Batch:
    """A block after parsing and typing; ``places`` and the rejects' are counted from the block's first record.

    In ``replaced`` rows, bytes that are not UTF-8 were replaced. ``altered`` counts, of the rows that are kept, the
    cells of each column that are kept in another form than served.
    """

    table: pa.Table
    places: np.ndarray
    rejected: list[tuple[Reject, int, str]]
    records: int
    replaced: int
    text: Totals
    diverted: Totals
    altered: Mapping[str, int]


def type_block(block: Block, shape: Layout, table: Table, what: str = "The file") -> Batch:
    """Parse and type one block, every record of it accounted for.

    Raises ``PermanentError`` where as many records were not read as were counted in the bytes.
    """
    parsed = parse(block, shape.names, table.control, shape.surplus)
    if parsed.records != parsed.counted:
        raise PermanentError(
            f"{what} has {parsed.counted} records from line {block.first_line} on, of which {parsed.records} were "
            "read, so nothing was loaded; the file is kept, report this as a fault."
        )
    text = _with_absent(parsed.text, table)
    typed = type_columns(text, table.columns)
    reasons = {**typed.reasons, **dict.fromkeys(parsed.broken, OPEN)}
    bad = sorted(reasons)
    good = np.ones(text.num_rows, bool)
    good[bad] = False
    left = text.select(table.control).take(pa.array(bad, pa.int64()))  # without columns it would have no rows either
    served = Served(block, parsed.counted)
    rejects = parsed.rejects + [Reject(int(parsed.places[row]), reasons[row]) for row in bad]
    unknown = unread(len(parsed.rejects), table.control)
    raw = _replaced(parsed, served)
    return Batch(
        table=_only(good, typed.table.append_column("extra", _extra(text, shape.extras, typed.served, raw))),
        places=np.delete(parsed.places, bad),
        rejected=[(one, *served.record(one.place)) for one in sorted(rejects, key=lambda one: one.place)],
        records=parsed.records,
        replaced=len(set(parsed.replaced) - {reject.place for reject in rejects}),
        text=of_table(text, table.control) + unknown,
        diverted=replace(of_table(left, table.control), rows=len(bad)) + unknown,
        altered={name: int((good & _there(cells)).sum()) for name, cells in typed.served.items()},
    )


def _only(rows: np.ndarray, table: pa.Table) -> pa.Table:
    return table if rows.all() else table.filter(pa.array(rows))


def _with_absent(text: pa.Table, table: Table) -> pa.Table:
    """The text with a column for each that files of this generation do not have: empty, or the sum of others."""
    there = set(text.column_names)
    for name in [column.name for column in table.columns if column.name not in there]:
        parts = [part for part in table.sums.get(name, ()) if part in text.column_names]
        amounts = zip(*(text[part].cast(pa.string()).to_pylist() for part in parts), strict=True)
        cells = pa.array([_added(row) for row in amounts] if parts else pa.nulls(text.num_rows), pa.string())
        text = text.append_column(name, cells.cast(WORDS) if name in table.control else cells)
    return text


def _added(cells: tuple[str | None, ...]) -> str | None:
    """The exact sum of the amounts that there are; where one of them is none, that one."""
    for cell in cells:
        if cell and not _is_amount(cell):
            return cell
    return f"{sum(Decimal(cell) for cell in cells if cell):f}" if any(cells) else None


def _is_amount(cell: str) -> bool:
    try:
        return Decimal(cell).is_finite()
    except InvalidOperation:
        return False


def _replaced(parsed: Parsed, served: "Served") -> dict[int, str]:
    """The rows in which bytes were replaced, as they were served."""
    if not parsed.replaced:
        return {}
    rows = np.flatnonzero(np.isin(parsed.places, parsed.replaced)).tolist()
    return {row: served.record(int(parsed.places[row]))[1] for row in rows}


def _extra(
    text: pa.Table, extras: tuple[str, ...], served: Mapping[str, pa.ChunkedArray], raw: Mapping[int, str]
) -> pa.Array:
    """What of each row has no column: cells that no header is known of, and those that are kept in another form.

    So is the whole record as served where bytes of it were replaced. Of a file without such columns, NULL where there
    is nothing, whatever its neighbours in the block are.
    """
    cells = {name: text[extra_name(name)] for name in extras} | {
        name + AS_SERVED: found for name, found in served.items()
    }
    if raw:
        cells[RAW_LINE] = pa.chunked_array([pa.array(map(raw.get, range(text.num_rows)), pa.string())])
    if not cells:
        return pa.nulls(text.num_rows, _EXTRA)
    there = np.column_stack([_there(column) for column in cells.values()])
    rows, columns = there.nonzero()  # in the order of rows
    both = pa.concat_arrays([column.combine_chunks() for column in cells.values()])
    ends = there.sum(axis=1).cumsum()
    nothing = np.append(~there.any(axis=1), False) if not extras else None
    begins = pa.array(np.append(0, ends), pa.int32(), mask=nothing)
    names = pa.array(list(cells), pa.string()).take(pa.array(columns))
    return pa.MapArray.from_arrays(begins, names, both.take(pa.array(columns * text.num_rows + rows)), _EXTRA)


def _there(cells: pa.ChunkedArray) -> np.ndarray:
    there: np.ndarray = cells.is_valid().to_numpy()
    return there


class Served:
    """The records of a block as they were served; they are looked for only where one is asked for."""

    def __init__(self, block: Block, records: int) -> None:
        self._block, self._records = block, records

    @cached_property
    def _bounds(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return record_bounds(self._block.readable, self._block.delimiter, self._records)

    def record(self, place: int) -> tuple[int, str]:
        """Its line in the file, and its text."""
        lines, begins, ends = self._bounds
        return self._block.first_line + int(lines[place]), _shown(bytes(self._block.data[begins[place] : ends[place]]))


def _shown(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace").rstrip("\r\n")
