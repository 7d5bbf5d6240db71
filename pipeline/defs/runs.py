"""Run jobs without a daemon: in the process of a command, recorded in the instance that the UI shows."""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import TracebackType
from uuid import uuid4

import dagster as dg
from dagster import DagsterInstance, DagsterRunStatus, RunsFilter
from dagster._core.execution.plan.objects import ErrorSource
from filelock import FileLock, Timeout
from sqlalchemy import event
from sqlalchemy.engine import Engine

from pipeline.defs.history import PROCESS_TAG
from pipeline.defs.home import ui_has_ended
from pipeline.errors import sentence

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_SHARED = ("runs.db", "schedules.db", "index.db")
"""The databases of all runs; each run has one of its own, and there may be thousands."""

_UNFINISHED = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED]


class Process:
    """Executes jobs in this process; a context manager that tags its runs with a lock of this process.

    On entry it ends the runs of killed processes: nothing else does, and they would keep their pool slots.

    Args:
        instance: Dagster's instance.
        locks: The folder of the lock that this process holds.
    """

    def __init__(self, instance: DagsterInstance, locks: Path) -> None:
        self._instance = instance
        self._locks = locks
        self._name = f"process-{uuid4().hex[:12]}"
        self._stack = ExitStack()

    def __enter__(self) -> "Process":
        self._locks.mkdir(parents=True, exist_ok=True)
        home = Path(self._instance.root_directory)
        end_the_dead(self._instance, self._locks, ui_ended=ui_has_ended(home))
        self._stack.enter_context(FileLock(self._locks / self._name))
        self._stack.enter_context(_kept_open(home))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()
        (self._locks / self._name).unlink(missing_ok=True)

    def run(self, job: dg.JobDefinition) -> str:
        """Execute a job; return why it failed, empty after a success.

        Raises ``KeyboardInterrupt`` if the run was interrupted.
        """
        try:
            result = job.execute_in_process(
                run_config=_QUIET, instance=self._instance, tags={PROCESS_TAG: self._name}, raise_on_error=False
            )
        except Exception as error:  # noqa: BLE001 - an error of Dagster or its storage is about this run alone
            return sentence(error)
        if any(map(_interrupted, result.all_events)):
            raise KeyboardInterrupt
        return " ".join(map(_why, result.get_step_failure_events()))


@contextmanager
def _kept_open(home: Path) -> Iterator[None]:
    """Make the recording of events fast: keep Dagster's databases open, and let commits not wait for the disk.

    Dagster opens a database for each event, and the last connection to close syncs it. After a power cut the newest
    events may be missing, which is no loss: the plan does not read them.
    """
    with ExitStack() as stack:
        event.listen(Engine, "connect", _without_waiting)
        stack.callback(event.remove, Engine, "connect", _without_waiting)
        for file in (file for name in _SHARED for file in home.rglob(name)):
            database = stack.enter_context(closing(sqlite3.connect(file)))
            database.execute("SELECT count(*) FROM sqlite_master").fetchall()
        yield


def _without_waiting(connection: object, _: object) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = NORMAL")


def end_the_dead(instance: DagsterInstance, locks: Path, *, ui_ended: bool) -> None:
    """End the runs of killed processes: nothing else does, and they keep their pool slots.

    For a command's run, the free lock of its process shows the kill; for the UI's, that the UI has ended.

    Args:
        instance: Dagster's instance.
        locks: The folder of the locks of processes.
        ui_ended: Whether a UI of the instance has ended.
    """
    for run in instance.get_runs(RunsFilter(statuses=_UNFINISHED)):
        name = run.tags.get(PROCESS_TAG)
        if not _lives(locks / name) if name else ui_ended:
            instance.report_run_failed(run, "its process ended before it did")
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    for left in locks.glob("process-*"):
        _lives(left)


def _lives(lock: Path) -> bool:
    """Return whether a process still holds the lock; a free lock is removed."""
    try:
        with FileLock(lock, timeout=0):
            lock.unlink(missing_ok=True)
    except Timeout:
        return True
    return False


def _why(event: dg.DagsterEvent) -> str:
    """Return the sentence of a step's failure; of an unexpected error, its innermost cause."""
    failure = event.step_failure_data
    told = failure.user_failure_data
    if told and told.description:
        return told.description
    error = failure.error
    while error and error.cause:
        error = error.cause
    first = error.message.strip().split("\n", 1)[0] if error else "no reason was given"
    return f"{event.step_key} failed unexpectedly ({first}); the run in the UI has its log."


def _interrupted(event: dg.DagsterEvent) -> bool:
    """Return whether the event says that the run was ended from outside."""
    source = event.step_failure_data.error_source if event.is_step_failure else None
    return source is ErrorSource.INTERRUPT or event.event_type is dg.DagsterEventType.RUN_CANCELED
