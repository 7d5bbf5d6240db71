from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.export.action import (
    AFTER_TERMINATION,
    FILE_LATENESS,
    MAX_LOADS,
    Action,
    Attempts,
    Held,
    MissingFile,
    MonthState,
    Verb,
    plan,
)
from pipeline.export.protocol import Export, Status
from tests.export.test_plan import DEADLINE, NOW, export

SECOND = timedelta(seconds=1)

# One letter for each export of a month, oldest first: r ready, p pending, u completed without url, f failed, o overdue.
histories = st.lists(st.sampled_from("rpufo"), min_size=1, max_size=6)


def history(letters: Sequence[str]) -> tuple[Export, ...]:
    status = {
        "r": Status.COMPLETED,
        "u": Status.COMPLETED,
        "p": Status.PENDING,
        "f": Status.FAILED,
        "o": Status.PENDING,
    }
    return tuple(
        replace(
            export(
                f"e{i}",
                created_at=NOW - (3 if letter == "o" else 0) * DEADLINE + timedelta(minutes=i),
                status=status[letter],
                url=None if letter == "u" else "https://api.didww.com/v3/exports/f.csv.gz",
            ),
            vendor_status=status[letter].value,
        )
        for i, letter in enumerate(letters)
    )


def decide(
    letters: Sequence[str],
    loaded: str | Held | None = None,
    missing: dict[str, MissingFile] | None = None,
    failed: int = 0,
    now: datetime = NOW + timedelta(hours=1),
) -> Action:
    held = Held(loaded) if isinstance(loaded, str) else loaded
    return plan(MonthState(history(letters), held, missing or {}), now, DEADLINE, lambda _: Attempts(failed))


@pytest.mark.parametrize(
    ("letters", "loaded", "verb", "chosen"),
    [
        ("", None, Verb.NOTHING, None),
        ("p", None, Verb.WAIT, "e0"),
        ("u", None, Verb.WAIT, "e0"),
        ("r", None, Verb.LOAD, "e0"),
        ("rr", None, Verb.LOAD, "e1"),
        ("rp", None, Verb.LOAD, "e0"),
        ("ru", None, Verb.LOAD, "e0"),
        ("rf", None, Verb.LOAD, "e0"),
        ("rr", "e0", Verb.LOAD, "e1"),
        ("rr", "e1", Verb.NOTHING, None),
        ("ru", "e1", Verb.NOTHING, None),
        ("rp", "e0", Verb.WAIT, "e1"),
        ("rpr", "e1", Verb.LOAD, "e2"),
        ("f", None, Verb.REQUEST, "e0"),
        ("o", None, Verb.REQUEST, "e0"),
        ("rf", "e0", Verb.REQUEST, "e1"),
        ("fr", "e1", Verb.NOTHING, None),
        ("pf", None, Verb.WAIT, "e0"),
        ("pp", None, Verb.WAIT, "e1"),
        ("r", "expired", Verb.LOAD, "e0"),
    ],
)
def test_what_happens_to_a_month(letters: str, loaded: str | None, verb: Verb, chosen: str | None) -> None:
    action = decide(letters, loaded)
    assert (action.verb, action.export and action.export.id) == (verb, chosen)
    assert action.reason


@given(histories, st.data())
def test_an_older_export_is_never_loaded_over_a_newer_one(letters: list[str], data: st.DataObject) -> None:
    ours = history(letters)
    loaded = data.draw(st.integers(0, len(ours) - 1))
    action = decide(letters, ours[loaded].id)
    assert action.export is None or ours.index(action.export) > loaded


def test_what_failed_in_the_instant_in_which_the_loaded_export_was_made_is_not_requested_again() -> None:
    made = replace(history("f")[0], id="z", created_at=NOW)
    ours = (replace(history("r")[0], id="a", created_at=NOW), made)
    state = MonthState(ours, Held("a"))
    assert plan(state, NOW, DEADLINE, lambda _: Attempts()).verb is Verb.NOTHING
    later = MonthState((ours[0], replace(made, created_at=NOW + SECOND)), Held("a"))
    assert plan(later, NOW, DEADLINE, lambda _: Attempts()).verb is Verb.REQUEST


AGELESS = datetime.min.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("letter", "created_at", "lost", "verb"),
    [
        ("p", NOW, False, Verb.WAIT),
        ("r", NOW, False, Verb.LOAD),
        ("r", NOW, True, Verb.NOTHING),
        ("f", AGELESS, False, Verb.REQUEST),  # where the vendor does not say when, the list's order tells
    ],
)
def test_of_an_export_made_in_the_same_instant_as_the_loaded_one_is_taken_what_may_come(
    letter: str, created_at: datetime, *, lost: bool, verb: Verb
) -> None:
    loaded, twin = (
        replace(history(which)[0], id=name, created_at=created_at) for which, name in (("r", "a"), (letter, "z"))
    )
    missing = {"z": MissingFile(NOW - FILE_LATENESS, NOW)} if lost else {}
    state = MonthState((loaded, twin), Held("a"), missing)
    assert plan(state, NOW + SECOND, DEADLINE, lambda _: Attempts()).verb is verb


def test_an_older_export_is_not_loaded_either_where_the_loaded_one_has_left_the_list() -> None:
    assert decide("rr", Held("left", NOW + timedelta(minutes=1))).verb is Verb.NOTHING
    assert decide("rr", Held("left", NOW)).export == history("rr")[1]


@given(histories)
def test_loading_what_is_to_be_loaded_leaves_nothing_to_load(letters: list[str]) -> None:
    action = decide(letters)
    assert (action.verb is Verb.LOAD) == ("r" in letters)
    if action.verb is Verb.LOAD and action.export:
        assert action.export.ready
        assert decide(letters, action.export.id).verb is not Verb.LOAD


@pytest.mark.parametrize(
    ("failures", "letters", "verb"),
    [
        (0, "r", Verb.LOAD),
        (MAX_LOADS - 1, "r", Verb.LOAD),
        (MAX_LOADS, "r", Verb.GIVE_UP),
        (MAX_LOADS, "rr", Verb.GIVE_UP),
        (MAX_LOADS, "pr", Verb.WAIT),
        (MAX_LOADS, "rf", Verb.REQUEST),
    ],
)
def test_one_export_is_tried_so_often_and_no_more(failures: int, letters: str, verb: Verb) -> None:
    assert decide(letters, failed=failures).verb is verb


def test_an_export_that_failed_too_often_does_not_count_against_the_next() -> None:
    state = MonthState(history("rr"))
    action = plan(state, NOW, DEADLINE, lambda one: Attempts(MAX_LOADS if one == "e0" else 0))
    assert (action.verb, action.export) == (Verb.LOAD, state.exports[1])


class TestMissingFiles:
    """A file that is not there may be late, and one that was given up may come back."""

    def looks(self, until: timedelta) -> list[timedelta]:
        """When a file that is never there is looked for, at one decision a second."""
        missing: MissingFile | None = None
        found = []
        for second in range(int(until.total_seconds())):
            now = NOW + second * SECOND
            state = MonthState(history("r"), None, {"e0": missing} if missing else {})
            if plan(state, now, DEADLINE, lambda _: Attempts()).verb is Verb.LOAD:
                found.append(now - NOW)
                missing = MissingFile(missing.first if missing else now, now, len(found))
        return found

    def test_it_is_looked_for_with_growing_pauses_and_for_as_long_as_the_export_is_listed(self) -> None:
        seconds = [look.total_seconds() for look in self.looks(timedelta(hours=3))]
        assert seconds == [0, 5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120, 10240]

    @pytest.mark.parametrize(
        ("age", "verb"),
        [(timedelta(0), Verb.WAIT), (FILE_LATENESS - SECOND, Verb.WAIT), (FILE_LATENESS, Verb.REQUEST)],
    )
    def test_another_is_requested_when_it_was_missing_for_so_long(self, age: timedelta, verb: Verb) -> None:
        action = decide("r", missing={"e0": MissingFile(NOW - age, NOW)}, now=NOW + SECOND)
        assert action.verb is verb
        assert ("looked for again after" in action.reason) == (verb is Verb.WAIT)

    def test_an_older_export_serves_meanwhile_and_a_newer_one_at_once(self) -> None:
        missing = {"e1": MissingFile(NOW - FILE_LATENESS, NOW)}
        for letters, chosen in (("rr", 0), ("rrr", 2)):
            assert decide(letters, missing=missing, now=NOW + SECOND).export == history(letters)[chosen]

    def test_it_is_not_looked_for_twice_in_one_instant(self) -> None:
        action = decide("r", missing={"e0": MissingFile(NOW, NOW)}, now=NOW)
        assert (action.verb, action.reason[-8:]) == (Verb.WAIT, "12:00:05")

    @pytest.mark.parametrize("failed", [0, MAX_LOADS])
    def test_a_look_that_is_due_is_no_failure_and_is_counted(self, failed: int) -> None:
        again = decide("r", missing={"e0": MissingFile(NOW, NOW, 4)}, failed=failed)
        assert (again.verb, again.looks) == (Verb.LOAD, 4)
        assert decide("r").looks == 0

    def test_a_clock_that_was_ahead_does_not_hide_a_file(self) -> None:
        ahead = NOW + timedelta(days=3650)
        assert decide("r", missing={"e0": MissingFile(ahead, ahead)}, now=NOW).verb is Verb.LOAD


@pytest.mark.parametrize(
    ("ago", "verb"),
    [
        (timedelta(0), Verb.WAIT),
        (AFTER_TERMINATION - SECOND, Verb.WAIT),
        (AFTER_TERMINATION, Verb.LOAD),
        (-AFTER_TERMINATION, Verb.LOAD),  # a clock that was ahead then
    ],
)
def test_an_export_whose_run_was_terminated_is_left_alone_for_a_while(ago: timedelta, verb: Verb) -> None:
    state = MonthState(history("r"))
    assert plan(state, NOW, DEADLINE, lambda _: Attempts(terminated=NOW - ago)).verb is verb


def test_the_newest_export_is_the_one_whose_run_was_terminated_and_it_is_told_until_when_it_rests() -> None:
    action = plan(MonthState(history("rr")), NOW, DEADLINE, lambda _: Attempts(terminated=NOW - timedelta(minutes=20)))
    assert (action.verb, action.export, action.reason[-8:]) == (Verb.WAIT, history("rr")[1], "12:40:00")
