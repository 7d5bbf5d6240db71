"""Let months expire every day, if the settings limit how long they are kept."""

from collections.abc import Iterator

import dagster as dg

from pipeline.defs.outcome import told
from pipeline.operations.wiring import Operations


def retain_daily(operations: Operations) -> dg.ScheduleDefinition:
    """Return the schedule that deletes what the settings no longer allow to keep; without such months it skips."""

    @dg.op(name="expire", description="Deletes months that are older than the settings allow.")
    def expire_months(context: dg.OpExecutionContext) -> None:
        with told(context):
            for one in operations.expirer.expire():
                kind = "sums" if one.sums else "calls"
                context.log.info("%s: deleted %s, %s files, rows %s", one.month, kind, one.files, one.rows)

    @dg.job(name="retain", description="Deletes calls, and sums of calls, that are older than the settings allow.")
    def retain() -> None:
        expire_months()

    @dg.schedule(
        name="retain_daily",
        job=retain,
        cron_schedule="30 4 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Deletes, every day, the months that are older than the settings allow.",
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        if operations.expirer.due():
            yield dg.RunRequest(run_key=f"{context.scheduled_execution_time:%Y-%m-%dT%H:%M}")
        else:
            yield dg.SkipReason("Nothing is older than the settings allow.")

    return schedule
