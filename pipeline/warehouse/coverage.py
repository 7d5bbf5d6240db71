"""Tell the state of each month, what of it is loaded, and when the vendor deletes it."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import Enum
from itertools import takewhile
from typing import Literal

from pipeline.months import Month
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


def reason_of(state: State, exports: Sequence[KnownExport]) -> str:
    """Return why a month is in its state, as a clause.

    Args:
        state: The state.
        exports: Every export of the month that is known.
    """
    loaded = max((one for one in exports if one.loaded_at), key=lambda one: one.created_at, default=None)
    until = f"{loaded.window_end:%Y-%m-%d %H:%M}" if loaded else ""
    hours = int(SEAL_AFTER.total_seconds() // 3600)
    return {
        State.MISSING: "no export of it was requested",
        State.REQUESTED: "an export was requested, and no export is loaded",
        State.OPEN: f"the loaded export ends at {until} UTC, before the month does",
        State.SETTLING: f"an export of the whole month is loaded, and no other one, {hours} hours apart, agrees yet",
        State.SEALED: f"two exports of the whole month, {hours} hours or more apart, agree",
        State.EXPIRED: "the settings no longer allow keeping its calls, or its files were deleted",
    }[state]


def cover(
    record_type: str, month: Month, exports: Sequence[KnownExport], now: datetime, months_kept: int | None
) -> Coverage:
    """Return the row of one month.

    Args:
        record_type: The dataset.
        month: The month.
        exports: Every export of the month that is known.
        now: The time, aware.
        months_kept: How many months the vendor keeps, with the running one; None for a vendor that keeps all.
    """
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
