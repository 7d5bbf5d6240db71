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
from pipeline.normalise.totals import Totals, of_table, unread


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

    All of this holds for the records that the vendor left out as possibly malicious, too: so many are ``sanitized``,
    and of the rejected ones so many are ``set_aside`` for that alone. So many ``failed`` at the vendor, and are in none
    of these figures. Both are None where there is no file of them.
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
    """Counts what went where, and gives every record its number in the file."""

    def __init__(self, origin: Origin, table: Table) -> None:
        self._origin = origin
        self._table = table
        self._control = table.control
        self._records = 0
        self._sanitized = self._set_aside = 0
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
            self._starts += pc.min_max(rows[self._table.timestamp]).as_py().values()
        return rows.add_column(rows.num_columns - 1, "export_id", export)

    def _of_the_month(self, rows: pa.Table) -> pa.Table:
        """The rows to load: those outside the month are counted, and left out where that is the table's rule."""
        inside = self._inside(rows)
        outside = rows.num_rows - (pc.sum(inside).as_py() or 0)
        if not (outside and self._table.inside_only):
            self._outside += outside
            return rows
        self._left += of_table(rows.filter(pc.invert(inside)), self._control)
        return rows.filter(inside)

    def _inside(self, rows: pa.Table) -> pa.ChunkedArray:
        """Which rows are the month's."""
        started = rows[self._table.timestamp]
        return pc.and_(
            pc.greater_equal(started, pa.scalar(self._origin.month.start, started.type)),
            pc.less(started, pa.scalar(self._origin.month.end, started.type)),
        )

    def set_aside(self, found: Sanitized) -> pa.Table:
        """The records that the vendor left out, as rows of ``rejected_rows``, without those of another month."""
        first, batch = self._sanitized + 1, found.batch
        inside = self._inside(batch.table)
        if not self._table.inside_only:
            inside = pa.array(np.ones(batch.table.num_rows, bool))
        rows, others = batch.table.filter(inside), batch.table.filter(pc.invert(inside))
        self._text += found.text
        self._rejected += found.of(rows) + found.untyped
        self._left += found.of(others)
        rejected = found.rejected(batch.places[np.asarray(inside)].tolist())
        self._sanitized += batch.records
        self._set_aside += len(rejected)
        return self._as_rows(rejected, first)

    def refused(self, batch: Batch) -> pa.Table:
        """The batch's rejected records, as rows of ``rejected_rows``; ends the batch."""
        first = self._records + 1
        self._records += batch.records
        self._replaced += batch.replaced
        self._rejected += batch.diverted
        return self._as_rows(batch.rejected, first)

    def _as_rows(self, rejected: list[tuple[Reject, int, str]], first: int) -> pa.Table:
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
        return Converted(
            *counts,
            counted=self._records + self._sanitized,
            replaced=self._replaced,
            altered=altered,
            sanitized=self._sanitized,
            set_aside=self._set_aside,
        )
