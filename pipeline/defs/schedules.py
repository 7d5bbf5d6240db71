"""Request months on time, as the plan says: the running month daily, each finished month until it is sealed."""

from collections.abc import Iterator

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from pipeline.months import Month
from pipeline.operations.plan import next_request
from pipeline.operations.state import Verb
from pipeline.operations.wiring import Operations


def ask_daily(operations: Operations, job: UnresolvedAssetJobDefinition) -> dg.ScheduleDefinition:
    """Return the schedule of requests; it runs by default, as a month that is not requested in time is lost."""

    @dg.schedule(
        name="ask_daily",
        job=job,
        cron_schedule="0 5 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Requests the running month every day, and finished months after 1, 3, 7… days until sealed.",
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        at = context.scheduled_execution_time
        wanted = months_due(operations)
        for month, record_types in wanted.items():
            yield dg.RunRequest(
                run_key=f"{month}@{at:%Y-%m-%dT%H:%M}",
                partition_key=str(month),
                asset_selection=[dg.AssetKey([record_type, "export"]) for record_type in record_types],
            )
        if not wanted:
            yield dg.SkipReason("Every month that the vendor still has is sealed or was requested in time.")

    return schedule


def watch_daily(operations: Operations, job: UnresolvedAssetJobDefinition) -> dg.ScheduleDefinition:
    """Return the schedule that checks daily how near each month is to being lost, whether it is loaded or not."""

    @dg.schedule(
        name="watch_daily",
        job=job,
        cron_schedule="0 6 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Checks the deadline of every month that the vendor still has.",
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
        for month in sorted({row.month for row in operations.ledger.coverage() if not row.gone}):
            # a job of checks alone has no partitions, so a tag names the month
            yield dg.RunRequest(
                run_key=f"{month}@{context.scheduled_execution_time:%Y-%m-%dT%H:%M}", tags={"dagster/partition": month}
            )

    return schedule


def months_due(operations: Operations) -> dict[Month, list[str]]:
    """Return the months that the plan wants to request on schedule, each with its datasets."""
    wanted: dict[Month, list[str]] = {}
    now, policy = operations.place.clock(), operations.policy()
    for partition, state in operations.gatherer.gather({}).states.items():
        if next_request(state, now, policy).verb is Verb.REQUEST:
            wanted.setdefault(partition.month, []).append(partition.dataset)
    return wanted
