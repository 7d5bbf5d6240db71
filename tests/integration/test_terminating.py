"""A run that is ended is ended: nothing of it is repeated, and its export can be launched again."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

from pipeline.months import Month
from pipeline.operations.wiring import Operations
from pipeline.sandbox import Fault, ManualClock, Sandbox
from tests.integration.test_commands import CDR
from tests.integration.test_through_dagster import launch, tick
from tests.integration.totals import KEY, MONTHS
from tests.running import running_month

pytestmark = pytest.mark.slow


def downloads(sandbox: Sandbox) -> int:
    return sum(request.path.endswith(".csv.gz") for request in sandbox.requests)


@contextmanager
def once(sandbox: Sandbox, condition: Callable[[], bool], act: Callable[[], None]) -> Iterator[None]:
    """Act as soon as the condition holds, beside what the test does."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            if condition():
                act()
                return

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def test_a_run_that_is_terminated_fetches_nothing_again_and_its_export_is_launched_later(
    definitions: dg.Definitions, instance: DagsterInstance, operations: Operations, sandbox: Sandbox, clock: ManualClock
) -> None:
    clock.advance(datetime.now(UTC) - clock())  # by which Dagster tells when a run ended
    operations.requester.request("cdr_in", [MONTHS[0]]).all()
    sandbox.faults.inject(Fault.SLOW_BODY, times=1, value=1)
    [first] = tick(definitions, instance).run_requests or []

    def terminate() -> None:  # as the UI does: it marks the run, and interrupts its process
        [run] = instance.get_runs(RunsFilter(job_name="load_cdr_in"))
        instance.report_run_canceling(run)
        os.kill(os.getpid(), signal.SIGINT)

    with once(sandbox, lambda: downloads(sandbox) > 0, terminate):
        assert launch(definitions, instance, [first]) == [False]
    [run] = instance.get_runs(RunsFilter(job_name="load_cdr_in"))
    assert (run.status, downloads(sandbox)) == (DagsterRunStatus.CANCELED, 1)
    assert operations.ledger.loaded("cdr_in") == {}

    assert tick(definitions, instance).run_requests == []  # somebody has just ended it
    clock.advance(timedelta(minutes=59))
    assert tick(definitions, instance).run_requests == []
    clock.advance(timedelta(minutes=2))
    [again] = tick(definitions, instance).run_requests or []
    assert again.run_key != first.run_key
    assert launch(definitions, instance, [again]) == [True]
    assert set(operations.ledger.loaded("cdr_in")) == {str(MONTHS[0])}


def test_a_backfill_that_is_interrupted_in_a_download_ends_at_once(tmp_path: Path) -> None:
    with Sandbox(
        calls_per_day=8, pending=timedelta(0), processing=timedelta(0), api_key=KEY, rate_limit=None
    ) as sandbox:
        sandbox.faults.inject(Fault.SLOW_BODY, times=None, value=2)
        month = running_month().shift(-1)
        process = backfill(sandbox, tmp_path, month)
        with once(sandbox, lambda: downloads(sandbox) > 0, lambda: process.send_signal(signal.SIGINT)):
            _, said = process.communicate(timeout=60)
        assert (process.returncode, downloads(sandbox)) == (1, 1)
        assert said.splitlines()[-1] == "cdr: ended."


def backfill(sandbox: Sandbox, folder: Path, month: Month) -> subprocess.Popen[str]:
    own = {
        "DIDWW_API_KEY": KEY, "DIDWW_API_URL": sandbox.url, "CDR_DATA_DIR": str(folder / "data"), "HOME": str(folder),
        "PATH": os.environ["PATH"],
    }  # fmt: skip
    return subprocess.Popen(
        [str(CDR), "backfill", "--from", str(month), "--to", str(month)],
        env=own, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
