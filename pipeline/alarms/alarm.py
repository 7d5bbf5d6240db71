"""The alarms: what happened, and what to do about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum

_MOST_DAYS_NAMED = 5


class Severity(Enum):
    """How urgent an alarm is."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Alarm:
    """One alarm. It is sent once for each ``key``.

    Ids must be in their own fields: in all other fields long runs of digits are masked as phone numbers.
    """

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
    """Return the alarm of a failed run.

    Args:
        job: The name of the job.
        run_id: The id of the run.
        reason: The error sentence of the run.
        record_type: The dataset that the run was about, if it was one.
        months: The first and the last month of the run, if it had any.
    """
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
    """Return the alarm of a failed asset check. It must not include the rows, because they are calls.

    Args:
        check: The name of the check.
        rows: The number of rows that it found, where it says so.
        run_id: The id of the run.
    """
    return Alarm(
        severity=Severity.ERROR,
        title=f"The check {check} failed",
        happened="It found " + ("an error." if rows is None else f"{rows:,} rows that must not exist."),
        todo="Open the check in the UI (`cdr ui`, Catalog, Checks): its first rows are shown there.",
        key=f"check/{check}",
        run_id=run_id,
    )


def alarm_of_deadline(
    *, severity: Severity, record_type: str, month: str, state: str, rows: int | None, days_left: int, dropped_on: date
) -> Alarm:
    """Return the alarm of a month that is not sealed, and that the vendor will soon delete.

    Args:
        severity: How urgent it is.
        record_type: The dataset.
        month: The month, ``YYYY-MM``.
        state: The state of the month in words.
        rows: The number of rows loaded; None where the month is not loaded.
        days_left: The days until the vendor deletes the month.
        dropped_on: The day on which the vendor deletes it.
    """
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
    """Return the alarm of a re-export that changed a loaded month.

    Args:
        record_type: The dataset.
        month: The month, ``YYYY-MM``.
        previous_export_id: The export that was loaded before.
        export_id: The export that is loaded now.
        days: The days on which they differ.
        rows_added: The rows that only the new export has.
        rows_gone: The rows that only the previous export has.
        rows_changed: The rows with other cells.
    """
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
