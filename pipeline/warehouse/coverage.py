"""Tell the state of each month, what of it is loaded, and when the vendor deletes it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum
from itertools import takewhile
from typing import Literal

from pipeline.months import Month, month_range
from pipeline.warehouse.records import Coverage, KnownExport

SEAL_AFTER = timedelta(hours=48)
"""Two exports of a finished month that agree this far apart seal the month: the vendor writes no more records."""

WARN_DAYS, ERROR_DAYS = 14, 7
"""Days before the vendor deletes an unsealed month: at first a warning, then an error."""


class State(Enum):
    """The states of a month, in order, as far as the archive knows."""

    MISSING = "missing"
    REQUESTED = "requested"
    OPEN = "open"
    SETTLING = "settling"
    SEALED = "sealed"
    EXPIRED = "expired"


def at_risk(row: Coverage) -> Literal["warning", "error"] | None:
    """Return how serious it is that an unsealed month will be deleted at the vendor; None if it is not at risk.

    Alarms, checks, `cdr doctor`, `cdr status` and the report all use this rule.
    """
    done = row.state in (State.SEALED.value, State.EXPIRED.value)
    if done or row.days_left is None or not 0 <= row.days_left <= WARN_DAYS:
        return None
    return "error" if row.days_left <= ERROR_DAYS else "warning"


def state_of(exports: Iterable[KnownExport]) -> State:
    """Return the state of a month from all its known exports."""
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
    exports: Sequence[KnownExport], months_kept: Mapping[str, int | None], first: Month, now: datetime
) -> list[Coverage]:
    """Return a row for each record type and month, from the first month to the running month.

    Args:
        exports: All known exports.
        months_kept: How many months of each record type the vendor keeps, with the running one; None is no limit.
        first: The first month.
        now: The time, UTC.
    """
    of_month: dict[tuple[str, str], list[KnownExport]] = {}
    for export in exports:
        of_month.setdefault((export.record_type, export.month), []).append(export)
    return [
        _cover(record_type, month, of_month.get((record_type, str(month)), []), now, months)
        for record_type, months in months_kept.items()
        for month in month_range(first, Month.of(now))
    ]


def _cover(
    record_type: str, month: Month, exports: list[KnownExport], now: datetime, months_kept: int | None
) -> Coverage:
    loaded = max((e for e in exports if e.loaded_at is not None), key=lambda e: e.created_at, default=None)
    dropped = month.shift(months_kept).start if months_kept else None
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
        days_left=(dropped - now).days if dropped else None,
    )
