"""What is worth telling someone, and what they can do about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum

_MOST_DAYS_NAMED = 5


class Severity(Enum):
    """How soon somebody has to look."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Alarm:
    """One thing to tell, once for each ``key``. Ids stand in their fields: in text their digits are masked."""

    severity: Severity
    title: str
    happened: str
    todo: str
    key: str
    record_type: str | None = None
    month: str | None = None
    export_id: str | None = None
    run_id: str | None = None


def alarm_of_failure(
    *, job: str, run_id: str, reason: str, record_type: str | None = None, months: tuple[str, str] | None = None
) -> Alarm:
    """A run failed; ``months`` are the first and the last one that it was about."""
    first, last = months or ("", "")
    about = first if first == last else f"{first} to {last}"
    kind = f" --type {record_type}" if record_type else ""
    then = f"run `cdr backfill --from {first} --to {last}{kind}`" if months else "launch the job again in the UI"
    return Alarm(
        severity=Severity.ERROR,
        title=f"The job {job} failed" + (f" for {about}" if about else ""),
        happened=reason,
        todo=f"Open the run in the UI (`cdr ui`, /runs/ and its id); when what it says is put right, {then}.",
        key=f"run/{run_id}",
        record_type=record_type,
        month=first if first and first == last else None,
        run_id=run_id,
    )


def alarm_of_check(*, check: str, rows: int | None, run_id: str) -> Alarm:
    """An asset check of severity ERROR failed; its rows stay out of it, they are calls."""
    return Alarm(
        severity=Severity.ERROR,
        title=f"The check {check} failed",
        happened="It found " + ("what must not be." if rows is None else f"{rows:,} rows that must not be there."),
        todo="Open the check in the UI (`cdr ui`, Catalog, Checks): its first rows are shown there.",
        key=f"check/{check}",
        run_id=run_id,
    )


def alarm_of_deadline(
    *, severity: Severity, record_type: str, month: str, state: str, rows: int | None, days_left: int, dropped_on: date
) -> Alarm:
    """A month that is not sealed will soon be forgotten by the vendor; ``rows`` are those loaded, if any are."""
    again = " --again" if rows is not None else ""
    have = "Nothing of it is loaded." if rows is None else f"{rows:,} rows of it are loaded, but not confirmed."
    after = " Two exports, 48 hours apart, that agree seal it." if again else ""
    return Alarm(
        severity=severity,
        title=f"{record_type} {month} is {state}, and the vendor forgets it in {days_left} days",
        happened=f"{have} After {dropped_on:%Y-%m-%d} the vendor has no calls of {month} any more.",
        todo=f"Run `cdr backfill --from {month} --to {month} --type {record_type}{again}` now.{after}",
        key=f"deadline/{record_type}/{month}/{severity.value}",
        record_type=record_type,
        month=month,
    )


def alarm_of_difference(
    *,
    record_type: str,
    month: str,
    previous_export_id: str,
    export_id: str,
    days: Sequence[date],
    rows_added: int,
    rows_gone: int,
    rows_changed: int,
) -> Alarm:
    """A re-export changed a month that was loaded; ``days`` are those on which the two differ."""
    named = ", ".join(f"{day:%Y-%m-%d}" for day in sorted(days)[:_MOST_DAYS_NAMED])
    more = f" and {len(days) - _MOST_DAYS_NAMED} more" if len(days) > _MOST_DAYS_NAMED else ""
    return Alarm(
        severity=Severity.WARNING if rows_gone else Severity.INFO,
        title=f"{record_type} {month} changed: {rows_added:,} rows added, {rows_gone:,} gone, {rows_changed:,} changed",
        happened=f"The new export replaced {previous_export_id} and differs from it on {named}{more}.",
        todo=(
            "Invoices and reports of these days may change. "
            f"The table differences says what changed on each day of {month}."
        ),
        key=f"difference/{record_type}/{month}/{export_id}",
        record_type=record_type,
        month=month,
        export_id=export_id,
    )
