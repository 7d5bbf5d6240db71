"""The months of a backfill take turns, over a real runner and instance: what became of each is said."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from pipeline.defs.history import REPEATED_TAG
from pipeline.defs.runs import Outcome, Runner
from pipeline.defs.turns import Place, Turn, Turns, outcome_of
from pipeline.errors import PermanentError, TransientError
from pipeline.months import Month

A, B = ("cdr_in", Month(2026, 10)), ("cdr_out", Month(2026, 10))
PASSES, STAYS = Outcome(ok=False, why="It broke.", may_pass=True), Outcome(ok=False, why="It is broken.")

Begin = Callable[..., tuple[Turns, list[tuple[Place, str]]]]


@dg.job
def breaking() -> None:
    @dg.op
    def broken() -> None:
        raise TransientError("It broke.")

    broken()


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Runner(dg.Definitions(jobs=[breaking]), instance, tmp_path / "locks")


@pytest.fixture
def begin(runner: Runner) -> Begin:
    """Lets both months begin, with those pauses; what is said of them."""

    def make(*pauses: float) -> tuple[Turns, list[tuple[Place, str]]]:
        said: list[tuple[Place, str]] = []
        turns = Turns(runner, lambda place, text: said.append((place, text)), pauses)
        for place in (A, B):
            turns.add(place)
        return turns, said

    return make


def places(turns: list[Turn]) -> list[Place]:
    return [turn.place for turn in turns]


def test_a_month_that_is_loaded_is_told_and_has_no_more_turns(begin: Begin) -> None:
    turns, said = begin()
    first, second = turns.due()
    assert (first.requests, first.failures, first.unlisted) == (0, 0, 0)
    turns.done(first)
    assert (said, places(turns.due()), first in turns, second in turns) == ([(A, "loaded")], [B], False, True)
    assert turns
    turns.done(second)
    assert not turns


def test_what_may_pass_comes_again_after_the_others_and_a_pause(begin: Begin) -> None:
    turns, said = begin(30.0)
    turns.went_wrong(turns.due()[0], PASSES)
    assert (said, places(turns.due()), turns.failed) == ([(A, "tried again in 30 seconds: It broke.")], [B], {})
    turns, _ = begin(0.0)
    turns.went_wrong(turns.due()[0], PASSES)
    assert places(turns.due()) == [B, A]


def test_it_fails_when_all_pauses_are_used_up_and_says_how_often_it_was_tried(begin: Begin) -> None:
    turns, said = begin(0.0, 0.0)
    turn = turns.due()[0]
    for _ in range(3):
        turns.went_wrong(turn, PASSES)
    assert [text for _, text in said] == ["tried again in 0 seconds: It broke."] * 2 + ["failed"]
    assert turns.failed == {A: "It broke. It was tried 3 times."}
    assert (places(turns.due()), turn in turns) == ([B], False)


def test_what_stays_wrong_fails_at_once(begin: Begin) -> None:
    turns, said = begin(0.0)
    turns.went_wrong(turns.due()[0], STAYS)
    assert (turns.failed, said) == ({A: "It is broken."}, [(A, "failed")])


@pytest.mark.parametrize(("error", "fails"), [(PermanentError("No."), True), (TransientError("No."), False)])
def test_an_error_is_about_one_month_alone(begin: Begin, error: Exception, *, fails: bool) -> None:
    def act(turn: Turn) -> bool:
        if turn.place == A:
            raise error
        return True

    turns, _ = begin(0.0)
    assert [turns.alone(turn, act) for turn in turns.due()] == [False, True]
    assert turns.failed == ({A: "No."} if fails else {})
    assert [turns.alone(turn, lambda _: False) for turn in turns.due()] == [False] * (1 if fails else 2)


def test_an_error_is_an_outcome_that_may_pass_unless_it_is_permanent() -> None:
    assert outcome_of(PermanentError("It is broken.")) == STAYS
    assert outcome_of(TransientError("It broke.")) == PASSES
    assert outcome_of(OSError("It broke.")).may_pass


def test_a_run_that_is_repeated_is_marked_so_that_its_failure_alarms_nobody(begin: Begin, runner: Runner) -> None:
    turns, _ = begin(0.0)
    tags = []
    for _ in range(2):
        outcome = runner.run("breaking")
        turns.went_wrong(turns.due()[-1], outcome)
        tags.append(runner.instance.get_run_by_id(outcome.run_id).tags.get(REPEATED_TAG))  # type: ignore[union-attr]
    assert tags == ["true", None]


def test_rest_ends_when_the_first_month_is_due(begin: Begin) -> None:
    turns, _ = begin(0.2)
    began, (first, second) = time.monotonic(), turns.due()
    second.due = began
    turns.rest(0.05)  # none is left alone, so nothing comes earlier
    assert time.monotonic() - began >= 0.05
    turns.went_wrong(first, PASSES)
    second.due = time.monotonic() + 3_600
    assert turns.due() == []
    turns.rest(3_600)
    assert turns.due() == [first]
