from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.export.exactly_once import LIST_LAG
from pipeline.export.protocol import Export, Status
from pipeline.export.requests import SETTLE_DAYS, request_for
from pipeline.months import Month
from pipeline.operations.plan import MAX_LOADS, covered, next_request, plan, vendor_drops
from pipeline.operations.state import (
    AFTER_TERMINATION,
    FILE_LATENESS,
    Action,
    Attempts,
    Due,
    LoadedExport,
    MissingFile,
    Partition,
    PartitionState,
    Policy,
    Verb,
)
from pipeline.warehouse.coverage import State
from pipeline.warehouse.records import Coverage, KnownExport
from tests.didww import CDR_IN
from tests.export.test_requests import DEADLINE, NOW, OCTOBER, SERIES, at, export
from tests.operations import reference

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


def state_of(
    exports: Iterable[Export] = (),
    loaded: str | LoadedExport | None = None,
    missing: Mapping[str, MissingFile] | None = None,
    *,
    attempts: Attempts | None = None,
    state: State = State.MISSING,
    until: datetime | None = None,
    known: Sequence[KnownExport] = (),
    months_kept: int | None = 3,
    backlogged: bool = False,
    retained: bool = True,
    first: Month | None = None,
) -> PartitionState:
    """October of `cdr_in`, of which so much is known."""
    ours = tuple(exports)
    row = Coverage("cdr_in", str(OCTOBER), state.value, None, until, None, None, None, None, None, None)
    return PartitionState(
        Partition("cdr_in", OCTOBER),
        row,
        months_kept=months_kept,
        exports=ours,
        known=tuple(known),
        loaded=LoadedExport(loaded) if isinstance(loaded, str) else loaded,
        missing=missing or {},
        attempts={one.id: attempts for one in ours} if attempts else {},
        backlogged=backlogged,
        retained=retained,
        first=first,
    )


def progressed(state: PartitionState, now: datetime = NOW) -> Action:
    """What becomes of the listed exports of a sealed month, of which nothing more is requested."""
    sealed = replace(state, coverage=replace(state.coverage, state=State.SEALED.value))
    return plan(sealed, now, Policy(DEADLINE))


def decide(
    letters: Sequence[str],
    loaded: str | LoadedExport | None = None,
    missing: dict[str, MissingFile] | None = None,
    failed: int = 0,
    now: datetime = NOW + timedelta(hours=1),
) -> Action:
    return progressed(state_of(history(letters), loaded, missing, attempts=Attempts(failed)), now)


@pytest.mark.parametrize(
    ("letters", "loaded", "verb", "chosen"),
    [
        ("", None, Verb.DONE, None),
        ("p", None, Verb.WAIT, "e0"),
        ("u", None, Verb.WAIT, "e0"),
        ("r", None, Verb.LOAD, "e0"),
        ("rr", None, Verb.LOAD, "e1"),
        ("rp", None, Verb.LOAD, "e0"),
        ("ru", None, Verb.LOAD, "e0"),
        ("rf", None, Verb.LOAD, "e0"),
        ("rr", "e0", Verb.LOAD, "e1"),
        ("rr", "e1", Verb.DONE, None),
        ("ru", "e1", Verb.DONE, None),
        ("rp", "e0", Verb.WAIT, "e1"),
        ("rpr", "e1", Verb.LOAD, "e2"),
        ("f", None, Verb.REQUEST, "e0"),
        ("o", None, Verb.REQUEST, "e0"),
        ("rf", "e0", Verb.REQUEST, "e1"),
        ("fr", "e1", Verb.DONE, None),
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
    state = state_of(ours, LoadedExport("a"))
    assert progressed(state, NOW).verb is Verb.DONE
    later = state_of((ours[0], replace(made, created_at=NOW + SECOND)), LoadedExport("a"))
    assert progressed(later).verb is Verb.REQUEST


AGELESS = datetime.min.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("letter", "created_at", "lost", "verb"),
    [
        ("p", NOW, False, Verb.WAIT),
        ("r", NOW, False, Verb.LOAD),
        ("r", NOW, True, Verb.DONE),
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
    state = state_of((loaded, twin), LoadedExport("a"), missing)
    assert progressed(state, NOW + SECOND).verb is verb


def test_an_older_export_is_not_loaded_either_where_the_loaded_one_has_left_the_list() -> None:
    assert decide("rr", LoadedExport("left", NOW + timedelta(minutes=1))).verb is Verb.DONE
    assert decide("rr", LoadedExport("left", NOW)).export == history("rr")[1]


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
    state = replace(state_of(history("rr")), attempts={"e0": Attempts(MAX_LOADS)})
    action = progressed(state)
    assert (action.verb, action.export) == (Verb.LOAD, state.exports[1])


class TestMissingFiles:
    """A file that is not there may be late, and one that was given up may come back."""

    def looks(self, until: timedelta) -> list[timedelta]:
        """When a file that is never there is looked for, at one decision a second."""
        missing: MissingFile | None = None
        found = []
        for second in range(int(until.total_seconds())):
            now = NOW + second * SECOND
            state = state_of(history("r"), None, {"e0": missing} if missing else {})
            if progressed(state, now).verb is Verb.LOAD:
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
    state = state_of(history("r"), attempts=Attempts(terminated=NOW - ago))
    assert progressed(state).verb is verb


def test_the_newest_export_is_the_one_whose_run_was_terminated_and_it_is_told_until_when_it_rests() -> None:
    action = progressed(state_of(history("rr"), attempts=Attempts(terminated=NOW - timedelta(minutes=20))))
    assert (action.verb, action.export, action.reason[-8:]) == (Verb.WAIT, history("rr")[1], "12:40:00")


def known(created_at: datetime, end: datetime = OCTOBER.end, export_id: str = "k") -> KnownExport:
    """An export that was requested, and of which nothing landed."""
    return KnownExport("cdr_in", str(OCTOBER), export_id, "", OCTOBER.start, end, created_at, "{}", "")


def is_due(now: datetime, newest: datetime | None, state: State = State.SETTLING, months_kept: int | None = 3) -> bool:
    """Whether the schedule requests October, whose newest request ends as it must."""
    requests = [known(newest, min(newest, OCTOBER.end) if now < OCTOBER.end else OCTOBER.end)] if newest else []
    made = state_of(state=state, known=requests, months_kept=months_kept)
    return next_request(made, now, Policy(DEADLINE)).verb is Verb.REQUEST


class TestWhenToAsk:
    @pytest.mark.parametrize(
        ("now", "newest_ask", "expected"),
        [
            ("2026-09-30 23:59:59", None, False),
            ("2026-10-01 00:00:05", None, False),
            ("2026-10-01 00:00:06", None, True),
            ("2026-10-21 12:00:00", "2026-10-20 23:59:59", True),
            ("2026-10-21 12:00:00", "2026-10-21 00:00:00", False),
            ("2026-10-21 12:00:00", "2026-10-21 12:00:00", False),
            ("2026-11-01 00:00:00", "2026-10-31 23:59:59", True),
            ("2026-11-01 12:00:00", "2026-11-01 00:00:05", False),
            ("2026-11-02 00:00:00", "2026-11-01 23:59:59", True),
            ("2026-11-03 23:59:59", "2026-11-02 00:00:00", False),
            ("2026-11-04 00:00:00", "2026-11-02 00:00:00", True),
            ("2026-11-07 23:59:59", "2026-11-04 00:00:00", False),
            ("2026-11-08 00:00:00", "2026-11-04 00:00:00", True),
            ("2026-11-08 00:00:00", "2026-11-07 12:00:00", True),
            ("2026-11-10 00:00:00", "2026-11-09 00:00:00", False),
            ("2026-11-09 23:59:59", "2026-11-08 00:00:00", False),
            ("2026-11-10 00:00:00", "2026-11-08 00:00:00", True),
            ("2026-12-31 23:59:59", None, True),
            ("2027-01-01 00:00:00", None, False),
        ],
    )
    def test_a_month_is_due_daily_while_it_runs_and_then_once_at_each_step(
        self,
        now: str,
        newest_ask: str | None,
        expected: bool,
    ) -> None:
        asked = at(newest_ask) if newest_ask else None
        assert is_due(at(now), asked) == expected

    @given(st.integers(0, 100 * 24), st.none() | st.integers(0, 100 * 24))
    def test_a_sealed_month_is_never_due(self, now: int, asked: int | None) -> None:
        newest_ask = None if asked is None else OCTOBER.start + timedelta(hours=asked)
        assert not is_due(OCTOBER.start + timedelta(hours=now), newest_ask, State.SEALED)

    @given(st.integers(1, 92 * 24 - 1))
    def test_a_month_that_is_due_can_be_asked_for_and_is_not_due_again_at_once(self, hours: int) -> None:
        now = OCTOBER.start + timedelta(hours=hours)
        assert is_due(now, None)
        request_for(SERIES, CDR_IN, OCTOBER, now)
        assert not is_due(now, now)

    def test_asking_whenever_it_is_due_asks_daily_and_then_at_every_step(self) -> None:
        asked: list[datetime] = []
        for hour in range(1, 46 * 24):
            now = OCTOBER.start + timedelta(hours=hour)
            if is_due(now, asked[-1] if asked else None, months_kept=None):
                asked.append(now)
        days_after = [(moment - OCTOBER.end).days for moment in asked if moment >= OCTOBER.end]
        assert len(asked) - len(days_after) == 31
        assert days_after == [*SETTLE_DAYS, 9, 11, 13]


class TestWhatIsCovered:
    @pytest.mark.parametrize(
        ("until", "now", "expected"),
        [
            (None, "2026-10-21 12:00:00", False),
            ("2026-10-20 12:00:00", "2026-10-21 12:00:00", True),
            ("2026-10-20 11:59:59", "2026-10-21 12:00:00", False),
            ("2026-10-31 06:00:00", "2026-10-31 23:00:00", True),
            ("2026-10-31 06:00:00", "2026-11-01 05:00:00", False),  # 18 hours are missing, however fresh it is
            ("2026-10-31 23:59:59", "2026-11-01 00:00:06", False),
            ("2026-10-31 23:59:59", "2026-11-01 00:00:05", False),
            ("2026-10-31 23:59:59", "2026-11-01 00:00:04", True),  # its end cannot be asked for yet
            ("2026-11-01 00:00:00", "2026-11-01 00:00:06", True),
            ("2026-11-01 00:00:00", "2027-06-01 00:00:00", True),
        ],
    )
    def test_a_month_that_has_ended_is_loaded_when_all_of_it_is(
        self, until: str | None, now: str, expected: bool
    ) -> None:
        assert covered(state_of(until=at(until) if until else None), at(now)) == expected


@pytest.mark.parametrize("month", [OCTOBER, Month(2026, 12), Month(2027, 2)])
def test_the_vendor_forgets_a_month_on_the_first_of_the_third_month_after_it(month: Month) -> None:
    assert vendor_drops(month, 3) == month.shift(3).start
    assert vendor_drops(month, None) is None


class TestWhatCannotBeRequested:
    @pytest.mark.parametrize("due", list(Due))
    @pytest.mark.parametrize(
        ("state", "now", "why"),
        [
            (state_of(), at("2027-01-01 00:00:00"), "The vendor forgot 2026-10 on 2027-01-01: "),
            (state_of(), at("2030-06-01 00:00:00"), "The vendor forgot 2026-10 on 2027-01-01: "),
            (state_of(), at("2026-10-01 00:00:05"), "2026-10 has not begun"),
            (state_of(retained=False), NOW, "2026-10 is older than CDR_"),
            (state_of(first=OCTOBER.shift(1)), NOW, "2026-10 is before CDR_START_MONTH"),
        ],
    )
    def test_it_says_why_and_what_to_do(self, state: PartitionState, now: datetime, why: str, due: Due) -> None:
        action = plan(state, now, Policy(DEADLINE, due))
        assert (action.verb, action.export) == (Verb.DONE, None)
        assert action.reason.startswith(why)

    def test_a_vendor_that_forgets_nothing_is_asked_for_old_months_too(self) -> None:
        assert plan(state_of(months_kept=None), at("2036-10-01 00:00:00"), Policy(DEADLINE)).verb is Verb.REQUEST

    def test_what_the_vendor_forgot_is_loaded_as_long_as_its_export_is_listed(self) -> None:
        late = at("2027-01-05 00:00:00")
        ready = export("e", created_at=late - timedelta(days=10))
        assert plan(state_of([ready]), late, Policy(DEADLINE)).export == ready


class TestWhenABackfillRequests:
    """A command wants a month now: first the question of a request, then its exports."""

    ready = export("e")

    def verb(self, due: Due, **known_of: object) -> Verb:
        return plan(state_of(**known_of), NOW, Policy(DEADLINE, due)).verb  # type: ignore[arg-type]

    def test_what_is_loaded_is_requested_by_force_alone(self) -> None:
        loaded = {"exports": [self.ready], "loaded": "e", "until": OCTOBER.end, "state": State.SETTLING}
        assert [self.verb(due, **loaded) for due in (Due.NOW, Due.RETRIED, Due.FORCED)] == [
            Verb.DONE, Verb.DONE, Verb.REQUEST,
        ]  # fmt: skip

    def test_a_sealed_month_is_requested_by_force_alone(self) -> None:
        assert self.verb(Due.NOW, state=State.SEALED) is Verb.DONE
        assert self.verb(Due.FORCED, state=State.SEALED) is Verb.REQUEST

    def test_what_is_listed_is_loaded_after_the_request(self) -> None:
        assert self.verb(Due.NOW, exports=[self.ready]) is Verb.REQUEST
        assert self.verb(Due.RETRIED, exports=[self.ready]) is Verb.LOAD

    def test_what_the_list_does_not_show_yet_is_waited_for_and_then_requested_again(self) -> None:
        young, old = known(NOW - LIST_LAG + SECOND), known(NOW - LIST_LAG)
        action = plan(state_of(known=[young]), NOW, Policy(DEADLINE, Due.RETRIED))
        assert (action.verb, action.reason) == (Verb.WAIT, "the list does not show yet export k")
        assert self.verb(Due.RETRIED, known=[old]) is Verb.REQUEST

    def test_a_new_export_that_vanished_is_requested_again_although_the_month_is_covered(self) -> None:
        vanished = known(NOW - timedelta(hours=1))
        assert self.verb(Due.RETRIED, known=[vanished], loaded="e", until=OCTOBER.end) is Verb.REQUEST
        assert self.verb(Due.NOW, known=[vanished], loaded="e", until=OCTOBER.end) is Verb.DONE

    @pytest.mark.parametrize("due", list(Due))
    def test_a_month_of_the_backlog_is_requested_also_where_it_is_refused_by_now(self, due: Due) -> None:
        assert self.verb(due, backlogged=True) is Verb.REQUEST
        assert self.verb(due, backlogged=True, first=OCTOBER.shift(1)) is Verb.REQUEST

    def test_a_running_month_is_done_when_its_newest_export_is_loaded_however_old_that_is(self) -> None:
        now = at("2026-10-21 12:00:00")
        loaded = state_of(loaded="e", until=at("2026-10-19 06:00:00"))
        assert plan(loaded, now, Policy(DEADLINE, Due.NOW)).verb is Verb.REQUEST
        assert plan(loaded, now, Policy(DEADLINE, Due.RETRIED)).verb is Verb.DONE
        assert plan(loaded, NOW, Policy(DEADLINE, Due.RETRIED)).verb is Verb.REQUEST  # it has ended meanwhile


moments = st.integers(-40 * 24, 100 * 24).map(lambda hours: OCTOBER.start + timedelta(hours=hours, seconds=3))


@given(
    moments,
    st.lists(st.tuples(moments, st.booleans()), max_size=3),
    st.none() | moments,
    st.sampled_from(State),
    st.sampled_from([None, 1, 3]),
    st.booleans(),
)
def test_the_plan_decides_as_the_separate_rules_did(
    now: datetime,
    requests: list[tuple[datetime, bool]],
    until: datetime | None,
    state: State,
    months_kept: int | None,
    retained: bool,
) -> None:
    exports = [known(created, OCTOBER.end if whole else OCTOBER.start) for created, whole in requests]
    exports.sort(key=lambda one: one.created_at)
    made = state_of(state=state, until=until, known=exports, months_kept=months_kept, retained=retained)
    newest = max((one.created_at for one in exports if one.whole or now < OCTOBER.end), default=None)
    done = state in (State.SEALED, State.EXPIRED)
    due = reference.due(OCTOBER, now, sealed=done, newest_request=newest, months_kept=months_kept) and retained
    assert (next_request(made, now, Policy(DEADLINE)).verb is Verb.REQUEST) == due
    possible = retained and reference.requestable(OCTOBER, now, months_kept)
    wanted = possible and not done and not reference.covers(until, OCTOBER, now)
    assert (plan(made, now, Policy(DEADLINE, Due.NOW)).verb is Verb.REQUEST) == wanted


@given(histories, st.data())
def test_whatever_is_known_the_plan_says_something_with_a_reason(letters: list[str], data: st.DataObject) -> None:
    ours = history(letters)
    made = state_of(
        ours,
        data.draw(st.none() | st.sampled_from([one.id for one in ours])),
        {one.id: MissingFile(NOW - timedelta(hours=1), NOW) for one in ours if data.draw(st.booleans())},
        attempts=Attempts(data.draw(st.integers(0, MAX_LOADS))),
        state=data.draw(st.sampled_from(State)),
        until=data.draw(st.none() | st.just(OCTOBER.end)),
        backlogged=data.draw(st.booleans()),
    )
    action = plan(made, data.draw(moments), Policy(DEADLINE, data.draw(st.sampled_from(Due))))
    assert action.reason
    assert action.verb is not Verb.LOAD or (action.export and action.export.ready)
