"""The tags of our runs, and the results of the runs that were to load an export."""

from collections.abc import Sequence
from datetime import UTC, datetime

from dagster import DagsterInstance, DagsterRunStatus, RunRecord, RunsFilter

from pipeline.operations.state import Attempts

EXPORT_TAG = "cdr/export_id"
"""The tag of a run that loads a certain export."""

PROCESS_TAG = "cdr/process"
"""The tag of a command's runs: the name of a lock that their process holds while it lives."""


def attempts(instance: DagsterInstance, export_id: str) -> Attempts:
    """Return the results of the runs that were to load the export."""
    runs = ended(instance, export_id)
    failed = [run for run in runs if run.dagster_run.status is DagsterRunStatus.FAILURE]
    terminated = [run.end_time for run in runs if run.dagster_run.status is DagsterRunStatus.CANCELED and run.end_time]
    return Attempts(len(failed), datetime.fromtimestamp(max(terminated), UTC) if terminated else None)


def ended(instance: DagsterInstance, export_id: str) -> Sequence[RunRecord]:
    """Return the runs for an export that ended without loading it."""
    statuses = [DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED]
    return instance.get_run_records(RunsFilter(tags={EXPORT_TAG: export_id}, statuses=statuses))
