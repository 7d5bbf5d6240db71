"""The partitions of a backfill take turns: what became of each is said."""

import time

from pipeline.errors import PermanentError, TransientError
from pipeline.months import Month
from pipeline.operations.state import Partition
from pipeline.operations.turns import Turn, Turns

A, B = Partition("cdr_in", Month(2026, 10)), Partition("cdr_out", Month(2026, 10))
PASSES, STAYS = TransientError("It broke."), PermanentError("It is broken.")

Said = list[tuple[Partition, str]]


def begin(*pauses: float) -> tuple[Turns, Said]:
    """Let both partitions begin, with those pauses; what is said of them."""
    said: Said = []
    turns = Turns(lambda partition, text: said.append((partition, text)), pauses)
    for partition in (A, B):
        turns.add(partition)
    return turns, said


def places(turns: list[Turn]) -> list[Partition]:
    return [turn.partition for turn in turns]


def test_a_month_that_is_loaded_is_told_and_has_no_more_turns() -> None:
    turns, said = begin()
    first, second = turns.due()
    assert (first.requests, first.failures) == (0, 0)
    turns.done(first)
    assert (said, places(turns.due()), first in turns, second in turns) == ([(A, "loaded")], [B], False, True)
    assert turns
    turns.done(second)
    assert not turns


def test_what_may_pass_comes_again_after_the_others_and_a_pause() -> None:
    turns, said = begin(30.0)
    turns.went_wrong(turns.due()[0], PASSES)
    assert (said, places(turns.due()), turns.failed) == ([(A, "tried again in 30 seconds: It broke.")], [B], {})
    turns, _ = begin(0.0)
    turns.went_wrong(turns.due()[0], PASSES)
    assert places(turns.due()) == [B, A]


def test_it_fails_when_all_pauses_are_used_up_and_says_how_often_it_was_tried() -> None:
    turns, said = begin(0.0, 0.0)
    turn = turns.due()[0]
    for _ in range(3):
        turns.went_wrong(turn, PASSES)
    assert [text for _, text in said] == ["tried again in 0 seconds: It broke."] * 2 + ["failed"]
    assert turns.failed == {A: "It broke. It was tried 3 times."}
    assert (places(turns.due()), turn in turns) == ([B], False)


def test_what_stays_wrong_fails_at_once() -> None:
    turns, said = begin(0.0)
    turns.went_wrong(turns.due()[0], STAYS)
    assert (turns.failed, said) == ({A: "It is broken."}, [(A, "failed")])


def test_what_was_not_foreseen_may_pass_and_is_a_sentence() -> None:
    turns, said = begin(0.0)
    turns.went_wrong(turns.due()[0], OSError("No such\nfile"))
    assert (turns.failed, [text for _, text in said]) == ({}, ["tried again in 0 seconds: OSError: No such"])


def test_rest_ends_when_the_first_month_is_due() -> None:
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


def test_a_sentence_that_names_its_partition_does_not_name_it_twice() -> None:
    turns, _ = begin()
    turns.went_wrong(turns.due()[0], PermanentError("cdr_in 2026-10: export e1 is older."))
    assert turns.failed == {A: "export e1 is older."}
