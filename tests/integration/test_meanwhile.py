"""What happens while a backfill runs: midnight, other processes, a busy vendor, a list or a record that fails."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster import DagsterInstance

from pipeline.defs.backfill import backfilled
from pipeline.defs.history import EXPORT_TAG
from pipeline.defs.record import RunRecord
from pipeline.defs.runs import Process
from pipeline.defs.schedules import months_due
from pipeline.errors import BusyError, TransientError
from pipeline.export.protocol import Export, Listing, Request
from pipeline.operations.backfill import Backfill
from pipeline.operations.state import Partition
from pipeline.operations.turns import Turns
from pipeline.operations.wiring import Operations
from pipeline.sandbox import ManualClock, Sandbox
from tests.integration.test_through_dagster import launch, posts, tick
from tests.integration.totals import MONTHS, bring_in

pytestmark = pytest.mark.slow

SEPTEMBER, OCTOBER, NOVEMBER = (Partition("cdr_in", month) for month in MONTHS)

Run = Callable[..., dict[Partition, str]]


@pytest.fixture
def run(operations: Operations, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a backfill; marts are built elsewhere. A backfill that rests forty times never ends."""
    monkeypatch.setattr(Backfill, "_publish", lambda self: None)

    def made(
        *partitions: Partition, between: Callable[[], object] = lambda: None, **options: Any
    ) -> dict[Partition, str]:
        rests = iter(range(40))

        def rest(turns: Turns, seconds: float) -> None:
            next(rests)
            for turn in turns._left:
                turn.due = 0.0
            between()

        monkeypatch.setattr(Turns, "rest", rest)
        return dict(backfilled(operations, instance, partitions, lambda partition, what: None, **options))

    return made


def test_a_month_that_the_vendor_forgets_meanwhile_has_failed(
    run: Run, operations: Operations, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations.listings, "read_all", lambda names: ({name: Listing() for name in names}, {}))
    failed = run(SEPTEMBER, between=lambda: clock.advance(timedelta(days=31)))
    assert "The vendor forgot 2026-09" in failed[SEPTEMBER]
    assert operations.ledger.loaded("cdr_in") == {}


def test_a_list_that_fails_once_makes_no_second_request(
    run: Run, operations: Operations, clock: ManualClock, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, first = operations.listings.read_all, iter([True])

    def read_all(names: Any) -> Any:
        if next(first, False):
            clock.advance(timedelta(minutes=2))
            return {}, dict.fromkeys(names, TransientError("HTTP 503"))
        return read(names)

    monkeypatch.setattr(operations.listings, "read_all", read_all)
    assert run(OCTOBER, force_new=True) == {}
    assert posts(sandbox) == 1


def test_a_month_that_waits_keeps_no_other_waiting(
    run: Run, operations: Operations, settings: Any, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    operations.backlog.add("cdr_in", SEPTEMBER.month)  # of a backfill that was interrupted
    vendor, busy = operations.vendors["didww"], iter([True, True])
    request = vendor.request

    def requested(wanted: Request) -> Export:
        if next(busy, False):
            raise BusyError("The vendor takes no more.")
        return request(wanted)

    monkeypatch.setattr(vendor, "request", requested)
    assert run(OCTOBER) == {}
    assert operations.backlog.months("cdr_in") == [SEPTEMBER.month]
    later = Operations(settings.model_copy(update={"cdr_start_month": "2026-10"}), clock=clock)
    operations.backlog.add("cdr_in", NOVEMBER.month)
    assert "cdr_in" in months_due(later)[NOVEMBER.month]


def test_a_sealed_month_of_the_backlog_is_done(run: Run, operations: Operations, clock: ManualClock) -> None:
    for _ in range(2):
        bring_in(operations, "cdr_in", OCTOBER.month)
        clock.advance(timedelta(days=2))
    operations.backlog.add("cdr_in", OCTOBER.month)
    assert run(OCTOBER) == {}


def test_a_newer_export_that_another_process_loads_is_no_failure(
    run: Run, operations: Operations, settings: Any, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    land, other = operations.lander.land, Operations(settings, clock=clock)

    def landed(*what: Any) -> Any:
        monkeypatch.setattr(operations.lander, "land", land)
        clock.advance(timedelta(minutes=5))
        other.requester.request("cdr_in", [NOVEMBER.month], force_new=True).all()
        bring_in(other, "cdr_in", NOVEMBER.month)
        return land(*what)

    monkeypatch.setattr(operations.lander, "land", landed)
    assert run(NOVEMBER) == {}


def test_what_cannot_be_recorded_is_loaded_all_the_same(
    run: Run, operations: Operations, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: Any) -> None:
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr(RunRecord, "_log", locked)
    assert run(OCTOBER, replace(OCTOBER, dataset="cdr_out")) == {}
    assert set(operations.ledger.loaded("cdr_out")) == set(operations.ledger.loaded("cdr_in")) == {"2026-10"}


def test_thousands_of_old_runs_keep_no_backfill_from_its_record(instance: DagsterInstance, tmp_path: Path) -> None:
    runs = Path(instance.root_directory) / "history" / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    for number in range(2_000):
        (runs / f"{number}.db").touch()
    before = len(list(Path("/proc/self/fd").iterdir()))
    with Process(instance, tmp_path / "locks"):
        assert len(list(Path("/proc/self/fd").iterdir())) - before < 30


def test_an_export_of_another_month_is_not_landed_as_this_one(
    definitions: dg.Definitions, instance: DagsterInstance, operations: Operations
) -> None:
    operations.requester.request("cdr_in", [OCTOBER.month]).all()
    [request] = tick(definitions, instance).run_requests or []
    moved = replace_partition(request, str(NOVEMBER.month))
    assert launch(definitions, instance, [moved]) == [False]
    assert list(operations.place.archive.landed()) == []


def replace_partition(request: dg.RunRequest, partition: str) -> dg.RunRequest:
    """The run as a user changes it in the launchpad."""
    return dg.RunRequest(
        job_name=request.job_name, partition_key=partition, run_config=request.run_config,
        tags={EXPORT_TAG: request.tags[EXPORT_TAG]},
    )  # fmt: skip


def test_the_checks_of_the_warehouse_are_evaluated(
    operations: Operations, definitions: dg.Definitions, instance: DagsterInstance
) -> None:
    assert backfilled(operations, instance, [OCTOBER], lambda partition, what: None) == {}
    keys = definitions.resolve_asset_graph().asset_check_keys
    of_warehouse = [key for key in keys if key.asset_key == dg.AssetKey("warehouse")]
    assert len(of_warehouse) > 20
    found = [instance.get_latest_asset_check_evaluation_record(key) for key in of_warehouse]
    assert all(one and one.evaluation and one.evaluation.passed for one in found)
