"""Runs without a daemon: the same jobs in this process, recorded in the same instance that the UI shows."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from uuid import uuid4

import dagster as dg
from dagster import DagsterInstance, DagsterRunStatus, RunsFilter
from dagster._core.execution.plan.objects import ErrorSource
from filelock import FileLock, Timeout

from pipeline.defs.history import PROCESS_TAG, REPEATED_TAG
from pipeline.defs.home import ui_has_ended
from pipeline.defs.outcome import may_pass
from pipeline.errors import sentence

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_UNFINISHED = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED]


@dataclass(frozen=True)
class Outcome:
    """How a run ended: ``why`` is the sentence of the step that failed, and whether that ``may_pass`` by itself."""

    ok: bool
    why: str = ""
    may_pass: bool = False
    run_id: str = ""


class Runner:
    """Executes jobs here and now; a context manager that marks its runs as those of a living process.

    Runs whose process was killed are ended on entering: nobody else would, and their pool slots would stay taken.
    """

    def __init__(self, definitions: dg.Definitions, instance: DagsterInstance, locks: Path) -> None:
        self._definitions = definitions
        self.instance = instance
        self._locks = locks
        self._name = f"process-{uuid4().hex[:12]}"
        self._stack = ExitStack()

    def __enter__(self) -> "Runner":
        self._locks.mkdir(parents=True, exist_ok=True)
        home = Path(self.instance.root_directory)
        end_the_dead(self.instance, self._locks, ui_ended=ui_has_ended(home))
        self._stack.enter_context(FileLock(self._locks / self._name))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()
        (self._locks / self._name).unlink(missing_ok=True)

    def run(
        self,
        job: str,
        *,
        partition: str | None = None,
        tags: Mapping[str, str] | None = None,
        only: dg.AssetKey | None = None,
        config: Mapping[str, object] | None = None,
    ) -> Outcome:
        """Execute a job, or ``only`` one of its assets, for one partition or for the range that the tags name.

        A step that fails is not repeated here: the caller may do so when others had their turn. Raises
        ``KeyboardInterrupt`` where the run was interrupted.
        """
        try:
            result = self._definitions.resolve_job_def(job).execute_in_process(
                run_config={**_QUIET, "ops": config or {}},
                instance=self.instance,
                partition_key=partition,
                asset_selection=[only] if only else None,
                tags={**(tags or {}), PROCESS_TAG: self._name},
                raise_on_error=False,
            )
        except Exception as error:  # noqa: BLE001 - of Dagster itself or of its storage: it is about this run alone
            return Outcome(ok=False, why=sentence(error), may_pass=not isinstance(error, dg.DagsterError))
        if result.success:
            return Outcome(ok=True, run_id=result.run_id)
        failed = result.get_step_failure_events()[:1]
        if any(map(_interrupted, result.all_events)):
            raise KeyboardInterrupt
        return Outcome(False, " ".join(map(_why, failed)), all(map(may_pass, failed)), result.run_id)

    def will_repeat(self, outcome: Outcome) -> None:
        """Say of a run that failed that what it was about is tried again, so that no alarm tells of it."""
        if outcome.run_id:
            self.instance.add_run_tags(outcome.run_id, {REPEATED_TAG: "true"})


def end_the_dead(instance: DagsterInstance, locks: Path, *, ui_ended: bool) -> None:
    """End the runs whose process was killed: nobody else would, and they keep their places in pools.

    A run of a command is told by the lock that its process held, one of the UI by the UI's having ended.
    """
    for run in instance.get_runs(RunsFilter(statuses=_UNFINISHED)):
        name = run.tags.get(PROCESS_TAG)
        if not _lives(locks / name) if name else ui_ended:
            instance.report_run_failed(run, "its process ended before it did")
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    for left in locks.glob("process-*"):
        _lives(left)


def _lives(lock: Path) -> bool:
    """Whether a process still holds the lock; one that nobody holds is removed."""
    try:
        with FileLock(lock, timeout=0):
            lock.unlink(missing_ok=True)
    except Timeout:
        return True
    return False


def _why(event: dg.DagsterEvent) -> str:
    """The sentence of a step's failure; of an error that nobody foresaw, its innermost cause."""
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
    """Whether it says that the run was ended from outside."""
    source = event.step_failure_data.error_source if event.is_step_failure else None
    return source is ErrorSource.INTERRUPT or event.event_type is dg.DagsterEventType.RUN_CANCELED
