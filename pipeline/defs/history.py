"""The tags of our runs, and what became of those that were to bring in an export."""

from collections.abc import Sequence
from datetime import UTC, datetime

from dagster import DagsterInstance, DagsterRunStatus, RunRecord, RunsFilter

from pipeline.operations.state import Attempts

EXPORT_TAG = "cdr/export_id"
"""The tag of a run that brings in a certain export."""

PROCESS_TAG = "cdr/process"
"""The tag of runs of a command: the name of a lock that their process holds for as long as it lives."""


def attempts(instance: DagsterInstance, export_id: str) -> Attempts:
    """What became of the runs that were to bring in the export."""
    runs = ended(instance, export_id)
    failed = [run for run in runs if run.dagster_run.status is DagsterRunStatus.FAILURE]
    terminated = [run.end_time for run in runs if run.dagster_run.status is DagsterRunStatus.CANCELED and run.end_time]
    return Attempts(len(failed), datetime.fromtimestamp(max(terminated), UTC) if terminated else None)


def ended(instance: DagsterInstance, export_id: str) -> Sequence[RunRecord]:
    """The runs for an export that ended without loading it."""
    statuses = [DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED]
    return instance.get_run_records(RunsFilter(tags={EXPORT_TAG: export_id}, statuses=statuses))
