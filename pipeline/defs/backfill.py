"""`cdr backfill`: one run of Dagster in this process, which records an event for every step of every month."""

from collections.abc import Callable, Mapping, Sequence

import dagster as dg

from pipeline.defs.home import prepare_home
from pipeline.defs.outcome import told
from pipeline.defs.record import RunRecord
from pipeline.defs.runs import Process
from pipeline.operations.backfill import Backfill
from pipeline.operations.state import Partition
from pipeline.operations.turns import RETRY_PAUSES, Say
from pipeline.operations.wiring import Operations


def bring_in(
    operations: Operations,
    partitions: Sequence[Partition],
    say: Say,
    *,
    force_new: bool = False,
    force: bool = False,
) -> Mapping[Partition, str]:
    """Backfill partitions in this process, in the instance that the UI shows; return what failed, and why.

    Args:
        operations: The operations of the installation.
        partitions: The partitions, in their order.
        say: Reports the progress of a partition.
        force_new: Request and load a new export of every partition.
        force: The same, and also load what the guards refuse.
    """
    _ = operations.place.tables  # a dataset that cannot be typed is told before anything is recorded
    prepare_home(operations.settings)
    with dg.DagsterInstance.get() as instance:
        return backfilled(operations, instance, partitions, say, force_new=force_new or force, force=force)


def backfilled(
    operations: Operations,
    instance: dg.DagsterInstance,
    partitions: Sequence[Partition],
    say: Say,
    *,
    force_new: bool = False,
    force: bool = False,
    pauses: Sequence[float] = RETRY_PAUSES,
) -> Mapping[Partition, str]:
    """Backfill partitions in an open instance, and return what failed, and why; the run fails if a partition did.

    Args:
        operations: The operations of the installation.
        instance: The instance that records the run.
        partitions: The partitions, in their order.
        say: Reports the progress of a partition.
        force_new: Request and load a new export of every partition.
        force: Also load what the guards refuse.
        pauses: Seconds before each new try.
    """
    failed: dict[Partition, str] = {}

    def run(context: dg.OpExecutionContext) -> None:
        backfill = Backfill(operations, RunRecord(operations, context), say, force=force, pauses=pauses)
        try:
            with told():
                backfill.run(partitions, force_new=force_new)
        except dg.Failure as error:  # an error about all partitions that are left
            failed.update(dict.fromkeys(backfill.turns.left, str(error.description)))
        failed.update(backfill.turns.failed)

    with Process(instance, operations.place.data / ".locks") as process:
        why = process.run(_job(run, failed))
    if why and not failed:  # an error of Dagster itself, or of its storage
        failed[partitions[0]] = why
    return failed


def _job(run: Callable[[dg.OpExecutionContext], None], failed: Mapping[Partition, str]) -> dg.JobDefinition:
    """Return the job of a backfill; it fails if ``run`` leaves anything in ``failed``."""

    @dg.op(name="backfill", description="Requests and loads months until each is loaded or has failed.")
    def bring_months_in(context: dg.OpExecutionContext) -> None:
        run(context)
        if failed:
            reasons = (f"{partition}: {why}" for partition, why in failed.items())
            raise dg.Failure(" ".join(reasons), allow_retries=False)

    @dg.job(name="backfill", description="`cdr backfill`: months that a command requests and loads.")
    def job() -> None:
        bring_months_in()

    return job
