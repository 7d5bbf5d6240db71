"""One landed file to Parquet: a stream of blocks, parsed and typed by threads, written in the file's order."""

import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import PermanentError, writing
from pipeline.months import Month
from pipeline.normalise.batch import Batch, type_block
from pipeline.normalise.blocks import BLOCK_BYTES, Block, read_blocks
from pipeline.normalise.header import layout
from pipeline.normalise.records import QuoteAstrayError
from pipeline.normalise.schema import REJECTED, in_file
from pipeline.normalise.sink import all_or_none, parquet_parts
from pipeline.normalise.table import Table
from pipeline.normalise.totals import Totals, of_table, unread

WORKERS = min(4, os.cpu_count() or 1)

_In = TypeVar("_In")
_Out = TypeVar("_Out")


@dataclass(frozen=True)
class Origin:
    """Which export a file holds, and where its month lies."""

    record_type: str
    month: Month
    export_id: str


@dataclass(frozen=True)
class Converted:
    """What became of a file: ``text`` counts every record of it, and equals ``loaded`` plus ``rejected``.

    Records that are ``left_out`` because they are another month's are in none of them. All are ``counted`` in the
    bytes, and not by the reader that made the rows. In ``replaced`` rows bytes were replaced that are not UTF-8. The
    rows lie in ``files``, more than one where several threads wrote a large month. ``altered`` counts, by column, the
    cells that are kept in another form than they were served in.
    """

    text: Totals
    loaded: Totals
    rejected: Totals
    outside_month: int
    extras: tuple[str, ...]
    first_start: datetime | None
    last_start: datetime | None
    left_out: int = 0
    counted: int = 0
    replaced: int = 0
    files: tuple[Path, ...] = ()
    altered: Mapping[str, int] = field(default_factory=dict)


def convert(
    file: Path,
    origin: Origin,
    table: Table,
    target: Path,
    rejected_target: Path,
    workers: int = WORKERS,
    block_bytes: int = BLOCK_BYTES,
) -> Converted:
    """Type the records of a landed file into ``target``, and those that cannot be typed into ``rejected_target``.

    Memory does not grow with the file; of a large one, some rows are written to other files beside ``target``. Raises
    ``PermanentError`` where the header lacks a column, where as many records were not read as were counted in the
    bytes, and where the control totals of the text are not those of the rows written: then no file is left.
    """
    to = partial(_converted, file, origin, table, target, rejected_target, workers, block_bytes)
    try:
        return to(quick=True)
    except QuoteAstrayError:
        return to(quick=False)


def _converted(
    file: Path,
    origin: Origin,
    table: Table,
    target: Path,
    rejected_target: Path,
    workers: int,
    block_bytes: int,
    *,
    quick: bool,
) -> Converted:
    blocks = read_blocks(file, block_bytes, table.delimiter, quick=quick)
    header = str(next(blocks, Block(b"", 1)).data, "utf-8", "replace")
    what = f"Export {origin.export_id} ({origin.record_type} {origin.month})"
    shape = layout(header, table.generations, what, table.delimiter)
    schema = in_file(table.schema)
    typed = partial(type_block, shape=shape, table=table, what=what)
    with (
        writing(f"Export {origin.export_id}", target.parent),
        all_or_none() as begun,
        ThreadPoolExecutor(workers) as pool,
        parquet_parts(target, schema, pool, begun, most=(workers + 1) // 2) as rows,
        parquet_parts(rejected_target, in_file(REJECTED), pool, begun) as rejects,
    ):
        tally = _Tally(origin, table)
        # whoever reads is as busy as a worker: one block more would only wait, in memory
        for batch in _in_order(pool, typed, blocks, ahead=max(workers - 1, 1)):
            rows.write(tally.placed(batch))
            rejects.write(tally.refused(batch))
        converted = tally.balanced(shape.extras)
    pa.default_memory_pool().release_unused()  # what follows needs its own
    return replace(converted, files=tuple(file for file in begun if file != rejected_target))


class _Tally:
    """Counts what went where, and gives every record its number in the file."""

    def __init__(self, origin: Origin, table: Table) -> None:
        self._origin = origin
        self._table = table
        self._control = table.control
        self._records = 0
        nothing = unread(0, self._control)
        self._text, self._loaded, self._rejected, self._left = nothing, nothing, nothing, nothing
        self._outside = self._replaced = 0
        self._altered: Counter[str] = Counter()
        self._starts: list[datetime] = []

    def placed(self, batch: Batch) -> pa.Table:
        """The batch's rows with the export and the row numbers they come from."""
        numbers = pa.array(batch.places + self._records + 1, pa.int64())
        rows = self._of_the_month(batch.table.append_column("row_number", numbers))
        export = pa.repeat(self._origin.export_id, rows.num_rows)
        self._loaded += of_table(rows, self._control)
        self._text += batch.text
        self._altered.update(batch.altered)
        if rows.num_rows:
            self._starts += pc.min_max(rows[self._table.instant]).as_py().values()
        return rows.add_column(rows.num_columns - 1, "export_id", export)

    def _of_the_month(self, rows: pa.Table) -> pa.Table:
        """The rows to load: those outside the month are counted, and left out where that is the table's rule."""
        started = rows[self._table.instant]
        inside = pc.and_(
            pc.greater_equal(started, pa.scalar(self._origin.month.start, started.type)),
            pc.less(started, pa.scalar(self._origin.month.end, started.type)),
        )
        outside = rows.num_rows - (pc.sum(inside).as_py() or 0)
        if not (outside and self._table.inside_only):
            self._outside += outside
            return rows
        self._left += of_table(rows.filter(pc.invert(inside)), self._control)
        return rows.filter(inside)

    def refused(self, batch: Batch) -> pa.Table:
        """The batch's rejected records, as rows of ``rejected_rows``; ends the batch."""
        first, rejected = self._records + 1, batch.rejected
        self._records += batch.records
        self._replaced += batch.replaced
        self._rejected += batch.diverted
        cells = {
            "export_id": [self._origin.export_id] * len(rejected),
            "row_number": [first + reject.place for reject, _, _ in rejected],
            "line_number": [line for _, line, _ in rejected],
            "reason": [reject.reason for reject, _, _ in rejected],
            "raw_line": [raw for _, _, raw in rejected],
        }
        return pa.table(cells, schema=in_file(REJECTED))

    def balanced(self, extras: tuple[str, ...]) -> Converted:
        """The final account; raises unless nothing is missing from it."""
        if self._text != self._loaded + self._rejected + self._left:
            raise PermanentError(
                f"{self._origin.record_type} {self._origin.month}, export {self._origin.export_id}: the file's control "
                "totals are not those of its rows, so nothing was loaded; the file is kept, report this as a fault."
            )
        first, last = (min(self._starts), max(self._starts)) if self._starts else (None, None)
        text, left = self._loaded + self._rejected, self._left.rows
        counts = text, self._loaded, self._rejected, self._outside, extras, first, last, left
        altered = dict(+self._altered)  # those that there are
        return Converted(*counts, counted=self._records, replaced=self._replaced, altered=altered)


def _in_order(pool: Executor, work: Callable[[_In], _Out], items: Iterable[_In], ahead: int) -> Iterator[_Out]:
    """Map with the pool's threads, in order, holding no more than so many items that are not asked for yet."""
    waiting: deque[Future[_Out]] = deque()
    for item in items:
        waiting.append(pool.submit(work, item))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
