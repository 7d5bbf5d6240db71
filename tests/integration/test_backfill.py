"""A backfill goes on until each month is in or cannot be had, whatever happens to the others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from dagster import DagsterInstance, DagsterRunStatus

from pipeline.definitions import build
from pipeline.defs.backfill import backfilled
from pipeline.defs.history import EXPORT_TAG, attempts
from pipeline.export.didww import Vendor
from pipeline.export.protocol import Listing
from pipeline.months import Month
from pipeline.operations.backfill import Backfill
from pipeline.operations.state import Partition
from pipeline.operations.wiring import Operations
from pipeline.sandbox import Fault, ManualClock, Sandbox
from tests.didww import credentials
from tests.integration.totals import KEY, MONTHS, true_totals

pytestmark = pytest.mark.slow

SEPTEMBER, OCTOBER, NOVEMBER = MONTHS


@dataclass
class Told:
    """One backfill: what it said of each month, in its order, and what failed."""

    said: list[tuple[Partition, str]] = field(default_factory=list)
    failed: dict[Partition, str] = field(default_factory=dict)

    def loaded(self) -> list[Partition]:
        return [place for place, what in self.said if what == "loaded"]


Run = Callable[..., Told]


@pytest.fixture
def run(instance: DagsterInstance, operations: Operations, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a backfill of `cdr_in`; `hear` is called with all that it says. Marts are built and tested elsewhere."""
    monkeypatch.setattr(Backfill, "_publish", lambda self: None)

    def made(
        *months: Month,
        types: Sequence[str] = ("cdr_in",),
        pauses: Sequence[float] = (0.0, 0.1, 0.2, 0.2),
        hear: Callable[[str], None] = lambda what: None,
        by: Operations = operations,
    ) -> Told:
        told = Told()

        def say(partition: Partition, what: str) -> None:
            told.said.append((partition, what))
            hear(what)

        wanted = [Partition(name, month) for month in months for name in types]
        told.failed = dict(backfilled(by, instance, wanted, say, pauses=pauses))
        return told

    return made


def posts(sandbox: Sandbox) -> int:
    return sum(request.method == "POST" for request in sandbox.requests)


def lists(sandbox: Sandbox) -> int:
    return sum(request.method == "GET" and ".csv" not in request.path for request in sandbox.requests)


def test_a_month_that_has_ended_is_not_loaded_by_what_was_loaded_of_it_while_it_ran(
    run: Run, operations: Operations, sandbox: Sandbox, clock: ManualClock
) -> None:
    clock.advance(datetime(2026, 11, 30, 6, 0, tzinfo=UTC) - clock())
    run(NOVEMBER)
    clock.advance(timedelta(hours=23))
    # the list shows the new export late: the one that is loaded already must not pass for it
    sandbox.faults.inject(Fault.LATE, times=2, match=lambda export: export.created_at >= NOVEMBER.end)
    told = run(NOVEMBER)
    assert (told.failed, told.loaded(), posts(sandbox)) == ({}, [Partition("cdr_in", NOVEMBER)], 2)
    rows = {(row.record_type, row.month): row.loaded_until for row in operations.ledger.coverage()}
    assert rows["cdr_in", str(NOVEMBER)] == NOVEMBER.end
    assert [what for _, what in run(NOVEMBER).said] == ["loaded already"]
    assert posts(sandbox) == 2


def test_downloads_that_fail_are_tried_again_after_the_others_within_the_same_backfill(
    run: Run, operations: Operations, sandbox: Sandbox, instance: DagsterInstance
) -> None:
    sandbox.faults.inject(Fault.CUT_GZIP, times=3)
    told = run(SEPTEMBER, OCTOBER, pauses=(0.0, 5.0, 0.0))
    assert told.failed == {}
    assert set(told.loaded()) == {Partition("cdr_in", SEPTEMBER), Partition("cdr_in", OCTOBER)}
    for month in (SEPTEMBER, OCTOBER):
        export_id = operations.ledger.loaded("cdr_in")[str(month)]
        [rows] = [
            row.rows for row in operations.ledger.coverage() if (row.record_type, row.month) == ("cdr_in", str(month))
        ]
        assert rows == true_totals(sandbox, export_id)[0] > 0
        assert attempts(instance, export_id).failed == 0  # so that the sensor has all its own attempts
    [run_record] = instance.get_runs()
    assert run_record.status is DagsterRunStatus.SUCCESS
    assert sum("tried again" in what for _, what in told.said) == 3
    assert posts(sandbox) == 2


def test_what_never_comes_whole_fails_in_the_end_and_says_how_often_it_was_tried(
    run: Run, sandbox: Sandbox, instance: DagsterInstance, operations: Operations
) -> None:
    bad = {export.export.id for export in operations.requester.request("cdr_in", [SEPTEMBER]).all()}
    sandbox.faults.inject(Fault.CUT_GZIP, times=None, match=lambda export: export.id in bad)
    told = run(SEPTEMBER, OCTOBER, pauses=(0.0, 0.1))
    assert set(told.failed) == {Partition("cdr_in", SEPTEMBER)}
    assert told.failed[Partition("cdr_in", SEPTEMBER)].endswith("It was tried 3 times.")
    assert told.loaded() == [Partition("cdr_in", OCTOBER)]
    [run_record] = instance.get_runs()
    assert run_record.status is DagsterRunStatus.FAILURE  # which alarms tell of
    assert attempts(instance, bad.pop()).failed == 0


def test_a_vendor_that_does_not_answer_for_a_while_is_asked_again(run: Run, sandbox: Sandbox) -> None:
    sandbox.faults.inject(Fault.BAD_GATEWAY, times=6, value=500)
    told = run(SEPTEMBER)
    assert (told.failed, told.loaded(), posts(sandbox)) == ({}, [Partition("cdr_in", SEPTEMBER)], 1)


def test_an_export_that_is_overdue_is_requested_again_within_the_same_backfill(
    run: Run, sandbox: Sandbox, clock: ManualClock
) -> None:
    sandbox.faults.inject(Fault.STUCK, times=2)

    def hear(what: str) -> None:
        if what == "processing":
            clock.advance(timedelta(hours=25))

    told = run(SEPTEMBER, hear=hear)
    assert (told.failed, told.loaded(), posts(sandbox)) == ({}, [Partition("cdr_in", SEPTEMBER)], 3)


def test_an_export_that_vanishes_is_requested_again_within_the_same_backfill(
    run: Run, sandbox: Sandbox, clock: ManualClock
) -> None:
    sandbox.faults.inject(Fault.VANISHED, times=1)

    def hear(what: str) -> None:
        if "does not show yet" in what:
            clock.advance(timedelta(seconds=30))

    told = run(SEPTEMBER, hear=hear)
    assert (told.failed, told.loaded(), posts(sandbox)) == ({}, [Partition("cdr_in", SEPTEMBER)], 2)


def test_a_file_that_appears_late_is_waited_for(run: Run, sandbox: Sandbox, clock: ManualClock) -> None:
    sandbox.faults.inject(Fault.FILE_GONE, times=3)

    def hear(what: str) -> None:
        if "not there yet" in what:
            clock.advance(timedelta(seconds=30))

    told = run(SEPTEMBER, hear=hear)
    assert (told.failed, told.loaded(), posts(sandbox)) == ({}, [Partition("cdr_in", SEPTEMBER)], 1)


def test_the_list_is_read_twice_for_one_month(run: Run, sandbox: Sandbox) -> None:
    run(SEPTEMBER)
    assert lists(sandbox) == 2  # under the lock of the request, and to see what became of it


def test_months_that_cannot_be_had_keep_no_other(run: Run, sandbox: Sandbox) -> None:
    ends = (Month(1, 1), Month(2026, 6), Month(2026, 12), Month(2999, 1), Month(9998, 12))
    told = run(*ends, SEPTEMBER)
    assert set(told.failed) == {Partition("cdr_in", month) for month in ends}
    assert told.loaded() == [Partition("cdr_in", SEPTEMBER)]
    assert "has not begun" in told.failed[Partition("cdr_in", Month(2999, 1))]


class Broken(Vendor):
    """A vendor whose list ends in what was not foreseen, as an unreadable file of certificates does."""

    def exports(self) -> Listing:
        raise OSError("Could not find a suitable TLS CA certificate bundle, invalid path: /none")


class Doubtful(Vendor):
    """A vendor whose list fails to show our exports, and says that it is longer."""

    def exports(self) -> Listing:
        return Listing([], "Some may be missing.")


def test_an_export_that_a_list_in_doubt_does_not_show_may_be_shown_later(
    instance: DagsterInstance, operations: Operations, sandbox: Sandbox, clock: ManualClock
) -> None:
    doubtful = Operations(operations.settings, {"didww": Doubtful(credentials(sandbox.url, KEY))}, clock=clock)
    job = build(doubtful).resolve_job_def("load_cdr_in")
    result = job.execute_in_process(
        instance=instance, partition_key=str(SEPTEMBER), tags={EXPORT_TAG: "a1"}, raise_on_error=False
    )
    [retry] = [event for event in result.all_events if event.is_step_up_for_retry][:1]
    assert "export a1 is not shown now. Some may be missing." in str(retry.event_specific_data)


def test_what_was_not_foreseen_is_a_sentence(
    run: Run, sandbox: Sandbox, operations: Operations, clock: ManualClock
) -> None:
    broken = Operations(operations.settings, {"didww": Broken(credentials(sandbox.url, KEY))}, clock=clock)
    operations.requester.request("cdr_in", [SEPTEMBER]).all()
    told = run(SEPTEMBER, by=broken, pauses=(0.0,))
    assert "OSError: Could not find a suitable TLS CA certificate bundle" in told.failed[Partition("cdr_in", SEPTEMBER)]
