"""What a run costs beyond its work: months of a few hundred calls, brought in with and without Dagster.

``python -m tests.benchmarks.inside.overhead alone|here|apart`` prints [wall s, CPU s] of each month.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

import dagster as dg
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._grpc.types import ExecuteRunArgs

from pipeline.definitions import build
from pipeline.defs.backfill import backfilled
from pipeline.defs.history import EXPORT_TAG
from pipeline.defs.home import prepare_home
from pipeline.export.protocol import Export
from pipeline.months import Month
from pipeline.operations.state import Partition
from pipeline.operations.wiring import Operations
from tests.benchmarks.inside.vendor import asked, bring_in, vendor
from tests.benchmarks.measure import run, tell

DAGSTER = [sys.executable, "-m", "dagster"]


def alone(data: Path) -> list[list[float]]:
    """The work without a run."""
    with vendor(data) as (_, operations):
        return [_spent(bring_in, operations, *month) for month in asked(operations)]


def here(data: Path) -> list[list[float]]:
    """A backfill in this process, as `cdr backfill` does it: each month is one of its own."""
    with vendor(data) as (_, operations):
        prepare_home(operations.settings)
        months = asked(operations)
        with dg.DagsterInstance.get() as instance:
            return [_spent(_run, operations, instance, record_type, month) for record_type, month, _ in months]


def _run(operations: Operations, instance: dg.DagsterInstance, record_type: str, month: Month) -> None:
    failed = backfilled(operations, instance, [Partition(record_type, month)], lambda partition, what: None)
    assert not failed, failed


def apart(data: Path) -> list[list[float]]:
    """Runs in processes of their own, as the daemon launches them."""
    with vendor(data) as (_, operations):
        home = prepare_home(operations.settings)
        environment = {**operations.settings.environment(), "DAGSTER_HOME": str(home)}
        definitions, months = build(operations), asked(operations)
        with dg.DagsterInstance.get() as instance:
            commands = [_command(definitions, instance, *month) for month in months]
            used = [run(*command, environment=environment) for command in commands]
            ended = [run.status.value for run in instance.get_runs()]
            assert ended == ["SUCCESS"] * len(months), ended
    return [[one.wall, one.cpu] for one in used]


def _command(
    definitions: dg.Definitions, instance: dg.DagsterInstance, record_type: str, month: Month, export: Export
) -> list[str]:
    """What the launcher of the daemon starts: an interpreter that imports the definitions and executes the run."""
    job = f"load_{record_type}"
    place = RepositoryPythonOrigin(
        sys.executable, ModuleCodePointer("pipeline.definitions", "defs"), entry_point=DAGSTER
    )
    origin = JobPythonOrigin(job, place)
    tags = {"dagster/partition": str(month), EXPORT_TAG: export.id}
    created = instance.create_run_for_job(definitions.resolve_job_def(job), tags=tags, job_code_origin=origin)
    return list(ExecuteRunArgs(origin, created.run_id, instance.get_ref(), True).get_command_args())


def _spent(work: Callable[..., object], *arguments: object) -> list[float]:
    wall, cpu = perf_counter(), process_time()
    work(*arguments)
    return [perf_counter() - wall, process_time() - cpu]


if __name__ == "__main__":
    with TemporaryDirectory() as scratch:
        tell({"alone": alone, "here": here, "apart": apart}[sys.argv[1]](Path(scratch)))
