"""Delete the history of old runs: Dagster keeps a database for each run, and never deletes one itself."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
from dagster import AssetKey, AssetRecordsFilter, DagsterEventType, DagsterInstance, DagsterRunStatus, RunsFilter

from pipeline.operations.wiring import Operations

_FINISHED = [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED]
_AT_ONCE = 500


def purge_run_history(instance: DagsterInstance, before: datetime) -> int:
    """Delete finished runs that were created ``before`` a time; return how many.

    A run with the newest materialization of any month of an asset stays, so that the UI shows every month as it is.
    """
    old = set(instance.get_run_ids(RunsFilter(statuses=_FINISHED, created_before=before)))
    unneeded = old - _newest_of_each_month(instance)
    for run_id in unneeded:
        _delete(instance, run_id)
    return len(unneeded)


def purge_daily(operations: Operations) -> dg.ScheduleDefinition:
    """Return the schedule of the job that deletes the history of old runs."""
    days = operations.settings.cdr_run_history_days

    @dg.op(name="purge", description=f"Deletes the history of runs older than {days} days.")
    def purge(context: dg.OpExecutionContext) -> None:
        context.log.info(
            "Deleted the history of %s runs.",
            purge_run_history(context.instance, datetime.now(UTC) - timedelta(days=days)),
        )

    @dg.job(name="purge_run_history", description="Deletes the history of old runs, except the newest of each month.")
    def job() -> None:
        purge()

    return dg.ScheduleDefinition(
        name="purge_daily",
        job=job,
        cron_schedule="45 4 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Deletes, every day, the history of runs older than CDR_RUN_HISTORY_DAYS.",
    )


def _newest_of_each_month(instance: DagsterInstance) -> set[str]:
    """Return the runs with the newest materialization of an asset, or of one of its months."""
    return {run_id for key in instance.all_asset_keys() for run_id in _newest(instance, key)}


def _newest(instance: DagsterInstance, key: AssetKey) -> Iterator[str]:
    events = instance.event_log_storage
    by_month = events.get_latest_storage_id_by_partition(key, DagsterEventType.ASSET_MATERIALIZATION)
    ids = list(by_month.values())
    for at in range(0, len(ids), _AT_ONCE):
        chunk = AssetRecordsFilter(key, storage_ids=ids[at : at + _AT_ONCE])
        yield from (record.run_id for record in instance.fetch_materializations(chunk, limit=_AT_ONCE).records)
    if last := instance.get_latest_materialization_event(key):
        yield last.run_id


def _delete(instance: DagsterInstance, run_id: str) -> None:
    instance.delete_run(run_id)
    instance.compute_log_manager.delete_logs(prefix=[run_id])
    # Dagster empties the run's own database and leaves the file
    for file in Path(instance.root_directory, "history", "runs").glob(f"{run_id}.db*"):
        file.unlink(missing_ok=True)
