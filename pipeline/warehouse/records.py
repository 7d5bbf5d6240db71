"""The pipeline's own records: the tables ``exports``, ``coverage``, ``differences`` and ``control_totals``."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from typing import NewType, TypeVar

import pyarrow as pa

from pipeline.months import Month
from pipeline.warehouse.sentences import SENTENCES

Total = NewType("Total", Decimal)
"""A sum over a whole file, of rows, seconds or US dollars."""


@dataclass(frozen=True)
class KnownExport:
    """One requested export: its window, its file, and what of it was loaded. None is what is not known yet."""

    record_type: str
    month: str
    export_id: str
    reference: str
    window_start: datetime
    window_end: datetime
    created_at: datetime
    filters: str
    api_version: str
    landed_at: datetime | None = None
    file: str | None = None
    bytes: int | None = None
    sha256: str | None = None
    records_told: int | None = None
    companions: str | None = None
    loaded_at: datetime | None = None
    rows: int | None = None
    rejected_rows: int | None = None
    outside_month_rows: int | None = None
    left_out_rows: int | None = None
    unknown_columns: str | None = None
    altered_cells: str | None = None
    duration_seconds: int | None = None
    cost_usd: Total | None = None
    control_totals: str | None = None
    rejected_totals: str | None = None
    counted_records: int | None = None
    replaced_rows: int | None = None
    sanitized_records: int | None = None
    failed_records: int | None = None
    unknown_amounts: str | None = None

    @property
    def whole(self) -> bool:
        """Whether its window reaches the end of its month."""
        return self.window_end >= Month.parse(self.month).end

    @property
    def counted_of_month(self) -> int | None:
        """The records of its month, as counted in the bytes of the file; None if not noted."""
        return None if self.counted_records is None else self.counted_records - (self.left_out_rows or 0)

    def agrees(self, other: "KnownExport") -> bool:
        """Return whether both exports hold the same rows, seconds and money, to the last digit."""
        return (self.rows, self.control_totals) == (other.rows, other.control_totals)


@dataclass(frozen=True)
class Coverage:
    """One record type and month: its state, what of it is loaded, and when the vendor deletes it."""

    record_type: str
    month: str
    state: str
    export_id: str | None
    loaded_until: datetime | None
    rows: int | None
    rejected_rows: int | None
    duration_seconds: int | None
    cost_usd: Total | None
    dropped_on: datetime | None
    days_left: int | None

    @property
    def gone(self) -> bool:
        """Whether the vendor has deleted it."""
        return self.days_left is not None and self.days_left < 0


@dataclass(frozen=True)
class Revision:
    """One day of a month on which an export differed from the export that it replaced."""

    record_type: str
    month: str
    day: date
    export_id: str
    previous_export_id: str
    loaded_at: datetime
    rows_before: int
    rows_after: int
    rows_added: int
    rows_gone: int
    rows_changed: int
    seconds_more: int
    usd_more: Total


@dataclass(frozen=True)
class ControlTotal:
    """One control total of a loaded export: its sum over the file, and the part that was rejected.

    ``counted`` is the number of records in the bytes, as another reader counts; only for rows. ``unknown`` is the
    number of unreadable amounts that are in no sum; only for amounts. Older loads noted neither.
    """

    record_type: str
    month: str
    export_id: str
    name: str
    amount: Total
    rejected: Total
    counted: int | None = None
    unknown: int | None = None


_ARROW = {
    str: pa.string(),
    int: pa.int64(),
    datetime: pa.timestamp("us", tz="UTC"),
    date: pa.date32(),
    Total: pa.decimal128(38, 6),
}

_Known = TypeVar("_Known", KnownExport, Coverage, Revision, ControlTotal)


def as_table(rows: Sequence[_Known], kind: type[_Known]) -> pa.Table:
    """Return the rows as an Arrow table, each column with its description."""
    schema = pa.schema([pa.field(f.name, _arrow(f.type), metadata={"about": SENTENCES[f.name]}) for f in fields(kind)])
    return pa.Table.from_pylist([asdict(row) for row in rows], schema=schema)


def _arrow(annotation: object) -> pa.DataType:
    options = getattr(annotation, "__args__", (annotation,))
    return next(_ARROW[option] for option in options if option in _ARROW)
