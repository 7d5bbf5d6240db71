"""A block of records to typed rows: what a worker thread does."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import numpy as np
import pyarrow as pa

from pipeline.normalise.blocks import Block, record_bounds
from pipeline.normalise.header import Layout, extra_name
from pipeline.normalise.parse import WORDS, Reject, parse
from pipeline.normalise.schema import AS_SERVED
from pipeline.normalise.table import Table
from pipeline.normalise.totals import Totals, of_table
from pipeline.normalise.typing_rules import type_columns

_EXTRA = pa.map_(pa.string(), pa.string())


@dataclass
class Batch:
    """A block after parsing and typing; ``places`` and the rejects' are counted from the block's first record.

    ``altered`` counts the cells of each column that are kept in another form than served, of the rows that are kept.
    """

    table: pa.Table
    places: np.ndarray
    rejected: list[tuple[Reject, int, str]]
    records: int
    text: Totals
    diverted: Totals
    altered: Mapping[str, int]


def type_block(block: Block, shape: Layout, table: Table) -> Batch:
    """Parse and type one block, every record of it accounted for."""
    parsed = parse(block, shape.names, table.control)
    text = _with_absent(parsed.text, table)
    typed = type_columns(text, table.columns)
    reasons, bad = typed.reasons, sorted(typed.reasons)
    good = np.ones(text.num_rows, bool)
    good[bad] = False
    left = text.select(table.control).take(pa.array(bad, pa.int64()))  # without columns it would have no rows either
    rejects = parsed.rejects + [Reject(int(parsed.places[row]), reasons[row]) for row in bad]
    return Batch(
        table=_only(good, typed.table.append_column("extra", _extra(text, shape.extras, typed.served))),
        places=np.delete(parsed.places, bad),
        rejected=_with_lines(block, rejects, parsed.records),
        records=parsed.records,
        text=Totals(parsed.records, of_table(text, table.control).sums),
        diverted=Totals(len(rejects), of_table(left, table.control).sums),
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
    """The exact sum of the amounts that there are; nothing where one of them is none."""
    try:
        return f"{sum(Decimal(cell) for cell in cells if cell):f}" if any(cells) else None
    except (InvalidOperation, ValueError):
        return None


def _extra(text: pa.Table, extras: tuple[str, ...], served: Mapping[str, pa.ChunkedArray]) -> pa.Array:
    """What of each row has no column: cells that no header is known of, and those that are kept in another form.

    Of a file without such columns, NULL where there is nothing, whatever its neighbours in the block are.
    """
    cells = {name: text[extra_name(name)] for name in extras} | {
        name + AS_SERVED: found for name, found in served.items()
    }
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
    return cells.is_valid().to_numpy()


def _with_lines(block: Block, rejects: list[Reject], records: int) -> list[tuple[Reject, int, str]]:
    """Each reject with its line in the file and its text; found only where there is something to find."""
    if not rejects:
        return []
    lines, begins, ends = record_bounds(block.data, block.delimiter, records)
    return [
        (reject, block.first_line + int(lines[at]), _shown(bytes(block.data[begins[at] : ends[at]])))
        for reject in sorted(rejects, key=lambda reject: reject.place)
        for at in (reject.place,)
    ]


def _shown(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace").rstrip("\r\n")
