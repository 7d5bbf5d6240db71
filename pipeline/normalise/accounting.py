"""The account of one load: what became of every record, in numbers that must balance."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import PermanentError
from pipeline.months import Month
from pipeline.normalise.batch import Batch
from pipeline.normalise.companions import Sanitized
from pipeline.normalise.parse import Reject
from pipeline.normalise.schema import REJECTED, in_file
from pipeline.normalise.table import Table
from pipeline.normalise.totals import Totals, totals_of, unknown_totals


@dataclass(frozen=True)
class Origin:
    """The export that a file holds."""

    record_type: str
    month: Month
    export_id: str


@dataclass(frozen=True)
class Converted:
    """What became of the records of a file. Always: ``text`` equals ``loaded`` plus ``rejected``.

    Attributes:
        text: The totals of all records of the month, including those that the vendor set aside as malicious.
        loaded: The totals of the rows written.
        rejected: The totals of the records that could not be typed.
        outside_month: Loaded rows of another month.
        extras: The headers that the schema does not know.
        first_start: The earliest timestamp of a loaded row, None without rows.
        last_start: The latest timestamp of a loaded row, None without rows.
        left_out: Records of another month that were not loaded; they are in no total.
        counted: All records, counted in the bytes and not by the parser that made the rows.
        replaced: Rows in which bytes that are not UTF-8 were replaced.
        files: The Parquet files of the rows; several threads write a large month to several files.
        altered: By column, the cells that are kept in another form than served.
        sanitized: The records that the vendor set aside as possibly malicious; None without a file of them.
        set_aside: The rejected records whose only fault is that the vendor set them aside.
        failed: The records that failed at the vendor, in no total; None without a file of them.
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
    sanitized: int | None = None
    set_aside: int = 0
    failed: int | None = None


class LoadAccounting:
    """Counts what becomes of each record, and numbers the records of the file."""

    def __init__(self, origin: Origin, table: Table) -> None:
        self._origin = origin
        self._table = table
        self._control = table.control
        self._records = 0
        self._sanitized = self._set_aside = 0
        nothing = unknown_totals(0, self._control)
        self._text, self._loaded, self._rejected, self._left_out = nothing, nothing, nothing, nothing
        self._outside = self._replaced = 0
        self._altered: Counter[str] = Counter()
        self._starts: list[datetime] = []

    def loaded_rows(self, batch: Batch) -> pa.Table:
        """Return the batch's rows to load, with the export and the number of each row. Call this before the rejects."""
        numbers = pa.array(batch.positions + self._records + 1, pa.int64())
        rows = self._to_load(batch.table.append_column("row_number", numbers))
        export = pa.repeat(self._origin.export_id, rows.num_rows)
        self._loaded += totals_of(rows, self._control)
        self._text += batch.text
        self._altered.update(batch.altered)
        if rows.num_rows:
            self._starts += pc.min_max(rows[self._table.timestamp]).as_py().values()
        return rows.add_column(rows.num_columns - 1, "export_id", export)

    def _to_load(self, rows: pa.Table) -> pa.Table:
        """Count the rows of other months, and remove them where the table says so."""
        inside = self._inside(rows)
        outside = rows.num_rows - (pc.sum(inside).as_py() or 0)
        if not (outside and self._table.inside_only):
            self._outside += outside
            return rows
        self._left_out += totals_of(rows.filter(pc.invert(inside)), self._control)
        return rows.filter(inside)

    def _inside(self, rows: pa.Table) -> pa.ChunkedArray:
        """Return a mask of the rows that belong to the month."""
        started = rows[self._table.timestamp]
        return pc.and_(
            pc.greater_equal(started, pa.scalar(self._origin.month.start, started.type)),
            pc.less(started, pa.scalar(self._origin.month.end, started.type)),
        )

    def sanitized_rows(self, found: Sanitized) -> pa.Table:
        """Return the records that the vendor set aside, as ``rejected_rows``, without those of another month."""
        first, batch = self._sanitized + 1, found.batch
        inside = self._inside(batch.table)
        if not self._table.inside_only:
            inside = pa.array(np.ones(batch.table.num_rows, bool))
        rows, others = batch.table.filter(inside), batch.table.filter(pc.invert(inside))
        self._text += found.text
        self._rejected += found.totals_of(rows) + found.untyped
        self._left_out += found.totals_of(others)
        rejected = found.rejected(batch.positions[np.asarray(inside)].tolist())
        self._sanitized += batch.records
        self._set_aside += len(rejected)
        return self._as_rows(rejected, first)

    def rejected_rows(self, batch: Batch) -> pa.Table:
        """Return the batch's rejected records as ``rejected_rows``. This ends the batch."""
        first = self._records + 1
        self._records += batch.records
        self._replaced += batch.replaced
        self._rejected += batch.diverted
        return self._as_rows(batch.rejected, first)

    def _as_rows(self, rejected: list[tuple[Reject, int, str]], first: int) -> pa.Table:
        cells = {
            "export_id": [self._origin.export_id] * len(rejected),
            "row_number": [first + reject.position for reject, _, _ in rejected],
            "line_number": [line for _, line, _ in rejected],
            "reason": [reject.reason for reject, _, _ in rejected],
            "raw_line": [raw for _, _, raw in rejected],
        }
        return pa.table(cells, schema=in_file(REJECTED))

    def balanced(self, extras: tuple[str, ...]) -> Converted:
        """Return the account; raises ``PermanentError`` where a record or an amount is missing from it."""
        if self._text != self._loaded + self._rejected + self._left_out:
            raise PermanentError(
                f"{self._origin.record_type} {self._origin.month}, export {self._origin.export_id}: the control totals "
                "of the file differ from those of its rows, so nothing was loaded; the file is kept, report this as a "
                "fault."
            )
        return Converted(
            text=self._loaded + self._rejected,
            loaded=self._loaded,
            rejected=self._rejected,
            outside_month=self._outside,
            extras=extras,
            first_start=min(self._starts, default=None),
            last_start=max(self._starts, default=None),
            left_out=self._left_out.rows,
            counted=self._records + self._sanitized,
            replaced=self._replaced,
            altered=dict(+self._altered),  # without the columns that have none
            sanitized=self._sanitized,
            set_aside=self._set_aside,
        )
