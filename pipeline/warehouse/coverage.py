"""What is known of every export and every month: the tables ``exports`` and ``coverage``."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from itertools import takewhile
from typing import Literal, NewType, TypeVar

import pyarrow as pa

from pipeline.months import Month, month_range
from pipeline.warehouse.sentences import SENTENCES

SEAL_AFTER = timedelta(hours=48)
"""Two exports of a finished month that lie so far apart and agree seal it: late records are written no more."""

WARN_DAYS, ERROR_DAYS = 14, 7
"""Days before the vendor forgets an unsealed month at which to warn, and to call it an error."""

_MONTHS_KEPT = 3


class State(Enum):
    """A month's life, as far as the archive knows it."""

    MISSING = "missing"
    REQUESTED = "requested"
    OPEN = "open"
    SETTLING = "settling"
    SEALED = "sealed"
    EXPIRED = "expired"


@dataclass(frozen=True)
class KnownExport:
    """One export asked for: when, what landed, and what was loaded of it. Fields after ``api_version`` may be None."""

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
    loaded_at: datetime | None = None
    rows: int | None = None
    rejected_rows: int | None = None
    outside_month_rows: int | None = None
    unknown_columns: str | None = None
    duration_seconds: int | None = None
    cost_usd: Decimal | None = None
    control_totals: str | None = None
    rejected_totals: str | None = None

    @property
    def whole(self) -> bool:
        """Whether it was asked for when its month was over."""
        return self.window_end >= Month.parse(self.month).end

    def agrees(self, other: "KnownExport") -> bool:
        """Whether both hold the same rows, seconds and money, to the last digit."""
        return (self.rows, self.control_totals) == (other.rows, other.control_totals)


@dataclass(frozen=True)
class Coverage:
    """One record type and month: its state, what is loaded of it, and when the vendor forgets it."""

    record_type: str
    month: str
    state: str
    export_id: str | None
    loaded_until: datetime | None
    rows: int | None
    rejected_rows: int | None
    duration_seconds: int | None
    cost_usd: Decimal | None
    dropped_on: datetime
    days_left: int


@dataclass(frozen=True)
class Revision:
    """One day of a month on which a re-export differed from the export that it replaced."""

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
    usd_more: Decimal


Total = NewType("Total", Decimal)
"""A sum over a whole file, of rows, seconds or US dollars."""


@dataclass(frozen=True)
class ControlTotal:
    """One control total of an export that was loaded: its sum over the file, and what of it was rejected."""

    record_type: str
    month: str
    export_id: str
    name: str
    amount: Total
    rejected: Total


def at_risk(row: Coverage) -> Literal["warning", "error"] | None:
    """How near a month is to being lost: unsealed, and the vendor forgets it within so many days."""
    done = row.state in (State.SEALED.value, State.EXPIRED.value)
    if done or row.days_left < 0 or row.days_left > WARN_DAYS:
        return None
    return "error" if row.days_left <= ERROR_DAYS else "warning"


_ARROW = {
    str: pa.string(),
    int: pa.int64(),
    datetime: pa.timestamp("us", tz="UTC"),
    date: pa.date32(),
    Decimal: pa.decimal128(18, 6),
    Total: pa.decimal128(38, 6),
}

_Known = TypeVar("_Known", KnownExport, Coverage, Revision, ControlTotal)


def state_of(exports: Iterable[KnownExport]) -> State:
    """The state of a month, from every export of it that is known."""
    known = list(exports)
    loaded = sorted((e for e in known if e.loaded_at is not None), key=lambda e: e.created_at)
    if not loaded:
        return State.REQUESTED if known else State.MISSING
    newest = loaded[-1]
    if not newest.whole:
        return State.OPEN
    agreeing = takewhile(lambda e: e.whole and newest.agrees(e), reversed(loaded))
    return State.SEALED if any(newest.created_at - e.created_at >= SEAL_AFTER for e in agreeing) else State.SETTLING


def coverage(
    exports: Sequence[KnownExport], record_types: Iterable[str], first: Month, now: datetime
) -> list[Coverage]:
    """One row per record type and month, from the first month to the one that is running."""
    return [
        _cover(record_type, month, [e for e in exports if (e.record_type, e.month) == (record_type, str(month))], now)
        for record_type in record_types
        for month in month_range(first, Month.of(now))
    ]


def _cover(record_type: str, month: Month, exports: list[KnownExport], now: datetime) -> Coverage:
    loaded = max((e for e in exports if e.loaded_at is not None), key=lambda e: e.created_at, default=None)
    dropped = month.shift(_MONTHS_KEPT).start
    return Coverage(
        record_type=record_type,
        month=str(month),
        state=state_of(exports).value,
        export_id=loaded.export_id if loaded else None,
        loaded_until=loaded.window_end if loaded else None,
        rows=loaded.rows if loaded else None,
        rejected_rows=loaded.rejected_rows if loaded else None,
        duration_seconds=loaded.duration_seconds if loaded else None,
        cost_usd=loaded.cost_usd if loaded else None,
        dropped_on=dropped,
        days_left=(dropped - now).days,
    )


def as_table(rows: Sequence[_Known], kind: type[_Known]) -> pa.Table:
    """The rows as an Arrow table, each column with its sentence."""
    schema = pa.schema([pa.field(f.name, _arrow(f.type), metadata={"about": SENTENCES[f.name]}) for f in fields(kind)])
    return pa.Table.from_pylist([asdict(row) for row in rows], schema=schema)


def _arrow(annotation: object) -> pa.DataType:
    options = getattr(annotation, "__args__", (annotation,))
    return next(_ARROW[option] for option in options if option in _ARROW)
