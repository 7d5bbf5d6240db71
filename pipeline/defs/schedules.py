"""Ask on time: the running month anew every day, and each finished one until it is sealed."""

from collections.abc import Iterator
from datetime import datetime

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from pipeline.export.plan import due
from pipeline.journey import Journey
from pipeline.months import Month


def ask_daily(journey: Journey, job: UnresolvedAssetJobDefinition) -> dg.ScheduleDefinition:
    """The schedule; running by default, because what is not asked for in time is lost."""

    @dg.schedule(
        name="ask_daily",
        job=job,
        cron_schedule="0 5 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Asks for the running month every day, and for finished ones after 1, 3, 7… days until sealed.",
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        at = context.scheduled_execution_time
        wanted = months_due(journey)
        for month, record_types in wanted.items():
            yield dg.RunRequest(
                run_key=f"{month}@{at:%Y-%m-%dT%H:%M}",
                partition_key=str(month),
                asset_selection=[dg.AssetKey([record_type, "export"]) for record_type in record_types],
            )
        if not wanted:
            yield dg.SkipReason("Every month that the vendor still has is sealed or was asked for in time.")

    return schedule


def watch_daily(journey: Journey, job: UnresolvedAssetJobDefinition) -> dg.ScheduleDefinition:
    """Looks every day at how near each month is to being lost, whether anything is loaded or not."""

    @dg.schedule(
        name="watch_daily",
        job=job,
        cron_schedule="0 6 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Checks the deadline of every month that the vendor still has.",
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
        for month in sorted({row.month for row in journey.coverage() if not row.gone}):
            # a job of checks alone knows no partitions, so the month is told by its tag
            yield dg.RunRequest(
                run_key=f"{month}@{context.scheduled_execution_time:%Y-%m-%dT%H:%M}", tags={"dagster/partition": month}
            )

    return schedule


def months_due(journey: Journey) -> dict[Month, list[str]]:
    """The months to ask for now, each with its record types.

    An export that ends before its month does counts while the month runs, and no longer.
    """
    asked: dict[tuple[str, str], datetime] = {}
    now = journey.clock()
    for export in journey.known_exports():
        place = (export.record_type, export.month)
        if not export.whole and now >= Month.parse(export.month).end:
            continue
        asked[place] = max(asked.get(place, export.created_at), export.created_at)
    wanted: dict[Month, list[str]] = {}
    for row in journey.coverage():
        month, newest = Month.parse(row.month), asked.get((row.record_type, row.month))
        done = row.state in ("sealed", "expired")
        kept = journey.vendor_of(row.record_type).months_kept
        if due(month, now, sealed=done, newest_ask=newest, months_kept=kept):
            wanted.setdefault(month, []).append(row.record_type)
    return wanted
