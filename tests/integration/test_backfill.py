"""A backfill goes on until each month is in or cannot be had, whatever happens to the others."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

from pipeline.definitions import build
from pipeline.defs.backfill import Backfill
from pipeline.defs.history import EXPORT_TAG, REPEATED_TAG, attempts
from pipeline.defs.runs import Outcome, Runner
from pipeline.defs.turns import Place
from pipeline.export.didww import Vendor
from pipeline.export.protocol import Listing
from pipeline.journey import Journey
from pipeline.months import Month
from pipeline.sandbox import Fault, ManualClock, Sandbox
from tests.didww import credentials
from tests.integration.totals import KEY, MONTHS, true_totals

pytestmark = pytest.mark.slow

SEPTEMBER, OCTOBER, NOVEMBER = MONTHS


@dataclass
class Told:
    """One backfill: what it said of each month, in its order, and what failed."""

    said: list[tuple[Place, str]] = field(default_factory=list)
    failed: dict[Place, str] = field(default_factory=dict)

    def loaded(self) -> list[Place]:
        return [place for place, what in self.said if what == "loaded"]


Run = Callable[..., Told]


class Unpublished(Runner):
    """Runs everything but the building of marts, which takes most of the time and is tested elsewhere."""

    def run(self, job: str, **kwargs: Any) -> Outcome:
        return Outcome(ok=True) if job == "refresh" else super().run(job, **kwargs)


@pytest.fixture
def run(definitions: dg.Definitions, instance: DagsterInstance, journey: Journey, tmp_path: Path) -> Iterator[Run]:
    """Runs a backfill of `cdr_in`; `hear` is called with all that it says."""
    with Unpublished(definitions, instance, tmp_path / "locks") as runner:

        def made(
            *months: Month,
            types: Sequence[str] = ("cdr_in",),
            pauses: Sequence[float] = (0.0, 0.1, 0.2, 0.2),
            hear: Callable[[str], None] = lambda what: None,
            by: Journey = journey,
        ) -> Told:
            told = Told()

            def say(place: Place, what: str) -> None:
                told.said.append((place, what))
                hear(what)

            backfill = Backfill(by, runner, say, pauses=pauses)
            backfill.run(types, months)
            told.failed = dict(backfill.failed)
            return told

        yield made


def posts(sandbox: Sandbox) -> int:
    return sum(request.method == "POST" for request in sandbox.requests)


def lists(sandbox: Sandbox) -> int:
    return sum(request.method == "GET" and ".csv" not in request.path for request in sandbox.requests)


def test_a_month_that_has_ended_is_not_loaded_by_what_was_loaded_of_it_while_it_ran(
    run: Run, journey: Journey, sandbox: Sandbox, clock: ManualClock
) -> None:
    clock.advance(datetime(2026, 11, 30, 6, 0, tzinfo=UTC) - clock())
    run(NOVEMBER)
    clock.advance(timedelta(hours=23))
    # the list shows the new export late: the one that is loaded already must not pass for it
    sandbox.faults.inject(Fault.LATE, times=2, match=lambda export: export.created_at >= NOVEMBER.end)
    told = run(NOVEMBER)
    assert (told.failed, told.loaded(), posts(sandbox)) == ({}, [("cdr_in", NOVEMBER)], 2)
    rows = {(row.record_type, row.month): row.loaded_until for row in journey.coverage()}
    assert rows["cdr_in", str(NOVEMBER)] == NOVEMBER.end
    assert [what for _, what in run(NOVEMBER).said] == ["loaded already"]
    assert posts(sandbox) == 2


def test_downloads_that_fail_are_tried_again_after_the_others_within_the_same_backfill(
    run: Run, journey: Journey, sandbox: Sandbox, instance: DagsterInstance
) -> None:
    sandbox.faults.inject(Fault.CUT_GZIP, times=3)
    told = run(SEPTEMBER, OCTOBER, pauses=(0.0, 5.0, 0.0))
    assert told.failed == {}
    assert set(told.loaded()) == {("cdr_in", SEPTEMBER), ("cdr_in", OCTOBER)}
    for month in (SEPTEMBER, OCTOBER):
        export_id = journey.loaded("cdr_in")[str(month)]
        [rows] = [row.rows for row in journey.coverage() if (row.record_type, row.month) == ("cdr_in", str(month))]
        assert rows == true_totals(sandbox, export_id)[0] > 0
        assert attempts(instance, export_id).failed == 0  # so that the sensor has all its own attempts
    failed = instance.get_runs(RunsFilter(job_name="load_cdr_in", statuses=[DagsterRunStatus.FAILURE]))
    assert len(failed) == 3
    assert all(REPEATED_TAG in one.tags for one in failed)
    assert posts(sandbox) == 2


def test_what_never_comes_whole_fails_in_the_end_and_says_how_often_it_was_tried(
    run: Run, sandbox: Sandbox, instance: DagsterInstance, journey: Journey
) -> None:
    bad = {export.export.id for export in journey.ask("cdr_in", [SEPTEMBER])}
    sandbox.faults.inject(Fault.CUT_GZIP, times=None, match=lambda export: export.id in bad)
    told = run(SEPTEMBER, OCTOBER, pauses=(0.0, 0.1))
    assert set(told.failed) == {("cdr_in", SEPTEMBER)}
    assert told.failed["cdr_in", SEPTEMBER].endswith("It was tried 3 times.")
    assert told.loaded() == [("cdr_in", OCTOBER)]
    assert attempts(instance, bad.pop()).failed == 1  # of which somebody is told


def test_a_vendor_that_does_not_answer_for_a_while_is_asked_again(run: Run, sandbox: Sandbox) -> None:
    sandbox.faults.inject(Fault.BAD_GATEWAY, times=6, value=500)
    told = run(SEPTEMBER)
    assert (told.failed, told.loaded(), posts(sandbox)) == ({}, [("cdr_in", SEPTEMBER)], 1)


def test_an_export_that_is_overdue_is_requested_again_within_the_same_backfill(
    run: Run, sandbox: Sandbox, clock: ManualClock
) -> None:
    sandbox.faults.inject(Fault.STUCK, times=2)

    def hear(what: str) -> None:
        if what == "processing":
            clock.advance(timedelta(hours=25))

    told = run(SEPTEMBER, hear=hear)
    assert (told.failed, told.loaded(), posts(sandbox)) == ({}, [("cdr_in", SEPTEMBER)], 3)


def test_an_export_that_vanishes_is_requested_again_within_the_same_backfill(
    run: Run, sandbox: Sandbox, clock: ManualClock
) -> None:
    sandbox.faults.inject(Fault.VANISHED, times=1)

    def hear(what: str) -> None:
        if "does not show yet" in what:
            clock.advance(timedelta(seconds=30))

    told = run(SEPTEMBER, hear=hear)
    assert (told.failed, told.loaded(), posts(sandbox)) == ({}, [("cdr_in", SEPTEMBER)], 2)


def test_a_file_that_appears_late_is_waited_for(run: Run, sandbox: Sandbox, clock: ManualClock) -> None:
    sandbox.faults.inject(Fault.FILE_GONE, times=3)

    def hear(what: str) -> None:
        if "not there yet" in what:
            clock.advance(timedelta(seconds=30))

    told = run(SEPTEMBER, hear=hear)
    assert (told.failed, told.loaded(), posts(sandbox)) == ({}, [("cdr_in", SEPTEMBER)], 1)


def test_the_list_is_read_twice_for_one_month(run: Run, sandbox: Sandbox) -> None:
    run(SEPTEMBER)
    assert lists(sandbox) == 2  # under the lock of the request, and to see what became of it


def test_months_that_cannot_be_had_keep_no_other(run: Run, sandbox: Sandbox) -> None:
    ends = (Month(1, 1), Month(2026, 6), Month(2026, 12), Month(2999, 1), Month(9998, 12))
    told = run(*ends, SEPTEMBER)
    assert set(told.failed) == {("cdr_in", month) for month in ends}
    assert told.loaded() == [("cdr_in", SEPTEMBER)]
    assert "has not begun" in told.failed["cdr_in", Month(2999, 1)]


class Broken(Vendor):
    """A vendor whose list ends in what was not foreseen, as an unreadable file of certificates does."""

    def exports(self) -> Listing:
        raise OSError("Could not find a suitable TLS CA certificate bundle, invalid path: /none")


class Doubtful(Vendor):
    """A vendor whose list fails to show our exports, and says that it is longer."""

    def exports(self) -> Listing:
        return Listing([], "Some may be missing.")


def test_an_export_that_a_list_in_doubt_does_not_show_may_be_shown_later(
    instance: DagsterInstance, journey: Journey, sandbox: Sandbox, clock: ManualClock, tmp_path: Path
) -> None:
    doubtful = Journey(journey.settings, {"didww": Doubtful(credentials(sandbox.url, KEY))}, clock=clock)
    with Runner(build(doubtful), instance, tmp_path / "locks") as runner:
        outcome = runner.run("load_cdr_in", partition=str(SEPTEMBER), tags={EXPORT_TAG: "a1"})
    assert outcome.may_pass
    assert "export a1 is not shown now. Some may be missing." in outcome.why


def test_what_was_not_foreseen_is_a_sentence(run: Run, sandbox: Sandbox, journey: Journey, clock: ManualClock) -> None:
    broken = Journey(journey.settings, {"didww": Broken(credentials(sandbox.url, KEY))}, clock=clock)
    list(journey.ask("cdr_in", [SEPTEMBER]))
    told = run(SEPTEMBER, by=broken, pauses=(0.0,))
    assert "OSError: Could not find a suitable TLS CA certificate bundle" in told.failed["cdr_in", SEPTEMBER]
