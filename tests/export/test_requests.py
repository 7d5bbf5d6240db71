from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dataset import Dataset
from pipeline.errors import PermanentError
from pipeline.export.protocol import Export, Request, Status
from pipeline.export.requests import (
    MAX_REQUESTS,
    of_month,
    overdue,
    request_for,
    series,
    serving,
    settle_step,
    waiting,
)
from pipeline.months import Month
from tests.didww import CDR_IN, CDR_OUT

OCTOBER = Month(2026, 10)
NOVEMBER = Month(2026, 11)
DEADLINE = timedelta(hours=24)
SERIES = "cdr/main/cdr_in"
OURS = f"{SERIES}/2026-10/"

installations = st.from_regex(r"[A-Za-z0-9_-]{1,40}", fullmatch=True)
datasets = st.sampled_from([CDR_IN, CDR_OUT])


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NOW = at("2026-11-02 12:00:00")


def export(
    export_id: str = "e",
    *,
    reference: str | None = OURS + "day0",
    status: Status = Status.COMPLETED,
    created_at: datetime = NOW - timedelta(hours=1),
    start: datetime | None = OCTOBER.start,
    end: datetime | None = OCTOBER.end,
    url: str | None = "https://api.didww.com/v3/exports/f.csv.gz",
) -> Export:
    return Export(
        id=export_id,
        resource="cdr_in",
        status=status,
        created_at=created_at,
        url=url if status is Status.COMPLETED else None,
        reference=reference,
        start=start,
        end=end,
    )


class TestWhatToAskFor:
    @pytest.mark.parametrize(
        ("now", "end", "snapshot"),
        [
            ("2026-10-21 08:30:07", "2026-10-21 08:30:02", "20261021T083002"),
            ("2026-10-01 00:00:06", "2026-10-01 00:00:01", "20261001T000001"),
            ("2026-11-01 00:00:04", "2026-10-31 23:59:59", "20261031T235959"),
            ("2026-11-01 00:00:05", "2026-11-01 00:00:00", "day0"),
            ("2026-11-01 23:59:59", "2026-11-01 00:00:00", "day0"),
            ("2026-11-02 00:00:00", "2026-11-01 00:00:00", "day1"),
            ("2026-11-03 12:00:00", "2026-11-01 00:00:00", "day1"),
            ("2026-11-04 00:00:00", "2026-11-01 00:00:00", "day3"),
            ("2026-11-08 00:00:00", "2026-11-01 00:00:00", "day7"),
            ("2026-12-31 23:59:59", "2026-11-01 00:00:00", "day59"),
        ],
    )
    def test_a_running_month_is_asked_for_up_to_now_and_a_finished_one_whole(
        self, now: str, end: str, snapshot: str
    ) -> None:
        request = request_for(SERIES, CDR_IN, OCTOBER, at(now))
        assert request == Request(CDR_IN, OCTOBER, OCTOBER.start, at(end), OURS + snapshot)

    @pytest.mark.parametrize("now", ["2026-09-30 23:59:59", "2026-10-01 00:00:00", "2026-10-01 00:00:05", "2025-10-15"])
    def test_a_month_that_has_not_begun_cannot_be_asked_for(self, now: str) -> None:
        with pytest.raises(PermanentError, match=r"^2026-10 has not begun, so it cannot be requested; [^\n]+\.$"):
            request_for(SERIES, CDR_IN, OCTOBER, at(now))

    @given(installations, datasets, st.sampled_from([50, 100]), st.integers(6, 95 * 86400))
    def test_every_request_is_one_that_the_vendor_accepts(
        self, installation: str, dataset: Dataset, longest: int, seconds: int
    ) -> None:
        now = OCTOBER.start + timedelta(seconds=seconds)
        request = request_for(series(installation, dataset, longest), dataset, OCTOBER, now)
        assert len(request.reference) + len(".3") <= longest
        assert request.start == OCTOBER.start < request.end <= OCTOBER.end
        assert request.end < now
        assert request.end.microsecond == 0

    @given(installations, installations, st.sampled_from([0, 50, 100]), st.integers(6, 90 * 86400))
    def test_its_reference_is_the_same_each_time_and_another_for_each_installation_type_and_month(
        self, one: str, other: str, longest: int, seconds: int
    ) -> None:
        now = OCTOBER.start + timedelta(seconds=seconds)

        def reference(installation: str, dataset: Dataset = CDR_IN, month: Month = OCTOBER) -> str:
            return request_for(series(installation, dataset, longest), dataset, month, now).reference

        assert reference(one) == reference(one)
        assert (reference(one) == reference(other)) == (one == other)
        assert reference(one) != reference(one, CDR_OUT)
        assert reference(one) != reference(one, CDR_IN, OCTOBER.shift(-1))

    @given(st.integers(0, 60), st.integers(0, 86399))
    def test_a_finished_months_reference_changes_with_its_settle_step_only(self, days: int, seconds: int) -> None:
        day = OCTOBER.end + timedelta(days=days)
        early, late = day + timedelta(seconds=5), day + timedelta(seconds=max(5, seconds))
        one, other = (request_for(SERIES, CDR_IN, OCTOBER, now) for now in (early, late))
        assert one == other

    @pytest.mark.parametrize(("longest", "room"), [(0, 63), (100, 63), (50, 13)])
    def test_its_series_names_the_installation_where_a_vendor_leaves_room_for_it(self, longest: int, room: int) -> None:
        assert series("i" * room, CDR_IN, longest) == f"cdr/{'i' * room}/cdr_in"
        assert len(series("i" * (room + 1), CDR_IN, longest)) == len("cdr/") + 16

    def test_what_stands_for_a_long_series_never_changes(self) -> None:
        assert series("i" * 64, CDR_IN) == series("i" * 64, CDR_IN, 100) == "cdr/b5f09e7b25e61e60"
        assert series("main", CDR_IN) == SERIES

    @pytest.mark.parametrize(
        ("now", "snapshot"),
        [("2026-11-02 12:34:56", "20261102T1234"), ("2026-10-21 08:30:07", "20261021T083002")],
    )
    def test_again_is_a_snapshot_of_this_very_minute(self, now: str, snapshot: str) -> None:
        assert request_for(SERIES, CDR_IN, OCTOBER, at(now), force_new=True).reference == OURS + snapshot

    def test_the_margin_keeps_a_fast_clock_out_of_the_vendors_future(self) -> None:
        now = at("2026-10-21 08:30:07") + timedelta(microseconds=999_999)
        assert request_for(SERIES, CDR_IN, OCTOBER, now).end == at("2026-10-21 08:30:02")


class TestSettling:
    @pytest.mark.parametrize(
        ("days", "step"),
        [(-3, 0), (0, 0), (1, 1), (2, 1), (3, 3), (6, 3), (7, 7), (8, 7), (9, 9), (10, 9), (11, 11), (60, 59)],
    )
    def test_steps_are_days_0_1_3_7_and_then_every_other_day(self, days: float, step: int) -> None:
        assert settle_step(OCTOBER, OCTOBER.end + timedelta(days=days)) == step
        assert settle_step(OCTOBER, OCTOBER.end + timedelta(days=days, hours=23.9)) == step

    @given(st.integers(0, 70), st.integers(0, 70))
    def test_steps_never_go_back_and_are_never_in_the_future(self, one: int, other: int) -> None:
        early, late = (settle_step(OCTOBER, OCTOBER.end + timedelta(days=days)) for days in sorted((one, other)))
        assert early <= late <= max(one, other)
        assert max(one, other) - late < 4


class TestWhichAreOurs:
    @pytest.mark.parametrize(
        "foreign",
        [
            export(reference=None),
            export(reference=""),
            export(reference="test"),
            export(reference="cdr/other/cdr_in/2026-10/day0"),
            export(reference="cdr/main2/cdr_in/2026-10/day0"),
            export(reference="cdr/main/cdr_out/2026-10/day0"),
            export(reference="cdr/main/cdr_in/2026-1/day0"),
            export(reference="cdr/main/cdr_in/2026-09/day0"),
            export(reference="cdr/main/cdr_in/2026-10"),
            export(reference="x" + OURS + "day0"),
            export(start=None),
            export(start=OCTOBER.start + timedelta(seconds=1)),
            export(start=OCTOBER.shift(-1).start),
            export(end=None),
            export(end=OCTOBER.end + timedelta(seconds=1)),
        ],
        ids=lambda foreign: f"{foreign.reference}-{foreign.start}-{foreign.end}",
    )
    def test_an_export_that_is_not_exactly_the_months_is_never_taken(self, foreign: Export) -> None:
        assert of_month(SERIES, OCTOBER, [foreign]) == []

    @given(st.permutations(range(6)))
    def test_ours_come_oldest_first_whatever_the_order_of_the_list(self, order: Sequence[int]) -> None:
        oldest_first = [export(f"e{i}", created_at=NOW + timedelta(milliseconds=i // 2)) for i in range(6)]
        assert of_month(SERIES, OCTOBER, [oldest_first[i] for i in order]) == oldest_first

    def test_an_export_of_the_running_month_is_ours_too(self) -> None:
        part = export(reference=OURS + "20261021T083002", end=at("2026-10-21 08:30:02"))
        assert of_month(SERIES, OCTOBER, [part]) == [part]


class TestWhatServes:
    whole = request_for(SERIES, CDR_IN, OCTOBER, NOW)
    running = request_for(SERIES, CDR_IN, NOVEMBER, NOW)

    def asked_again(self, *ours: Export, request: Request = whole) -> Export | Request:
        return serving(request, ours, NOW, DEADLINE)

    def test_without_any_export_the_request_is_sent_as_it_is(self) -> None:
        assert self.asked_again() == self.whole

    def test_a_ready_export_of_the_same_snapshot_is_adopted(self) -> None:
        ready = export(reference=self.whole.reference)
        assert self.asked_again(ready) is ready

    def test_a_ready_export_of_the_same_snapshot_is_adopted_however_old_it_is(self) -> None:
        ready = export(reference=self.whole.reference, created_at=NOW - 30 * DEADLINE)
        assert self.asked_again(ready) is ready

    def test_a_ready_export_of_an_earlier_snapshot_does_not_serve(self) -> None:
        assert self.whole.reference == OURS + "day1"
        assert self.asked_again(export(reference=OURS + "day0")) == self.whole
        assert self.asked_again(export(reference=OURS + "day11")) == self.whole
        assert self.asked_again(export(reference=None)) == self.whole

    @pytest.mark.parametrize("status", [Status.PENDING, Status.PROCESSING, Status.UNKNOWN])
    @pytest.mark.parametrize("snapshot", ["day0", "day1"])
    def test_a_whole_export_that_is_under_way_is_adopted(self, status: Status, snapshot: str) -> None:
        unfinished = export(reference=OURS + snapshot, status=status)
        assert self.asked_again(unfinished) is unfinished

    def test_a_completed_export_without_url_is_under_way(self) -> None:
        unfinished = export(reference=self.whole.reference, url=None)
        assert self.asked_again(unfinished) is unfinished

    @pytest.mark.parametrize("status", [Status.PENDING, Status.COMPLETED])
    def test_a_running_months_export_does_not_serve_the_finished_month(self, status: Status) -> None:
        part = export(reference=OURS + "20261031T235959", status=status, end=at("2026-10-31 23:59:59"))
        assert self.asked_again(part) == self.whole

    def test_any_unfinished_export_of_a_running_month_serves_it(self) -> None:
        unfinished = export(reference="cdr/main/cdr_in/2026-11/20261102T110000", status=Status.PENDING)
        unfinished = replace(unfinished, start=NOVEMBER.start, end=NOW - timedelta(hours=1))
        assert self.asked_again(unfinished, request=self.running) is unfinished

    def test_a_ready_export_of_a_running_month_does_not_serve_it_later(self) -> None:
        ready = export(reference="cdr/main/cdr_in/2026-11/20261102T110000", end=NOW - timedelta(hours=1))
        assert self.asked_again(ready, request=self.running) == self.running

    def test_the_newest_that_serves_is_adopted(self) -> None:
        older = export("a", reference=self.whole.reference)
        newer = export("b", reference=self.whole.reference + ".2", status=Status.PENDING)
        assert self.asked_again(older, newer) is newer

    def test_overdue_exports_are_asked_for_again_with_a_reference_of_their_own(self) -> None:
        ours: list[Export] = []
        references: list[str] = []
        for number in range(MAX_REQUESTS):
            request = self.asked_again(*ours)
            assert isinstance(request, Request)
            assert (request.start, request.end) == (self.whole.start, self.whole.end)
            references.append(request.reference)
            long_ago = NOW - DEADLINE - timedelta(seconds=1)
            ours.append(export(f"e{number}", reference=request.reference, status=Status.PENDING, created_at=long_ago))
        assert references == [self.whole.reference, self.whole.reference + ".2", self.whole.reference + ".3"]
        with pytest.raises(
            PermanentError, match=r"3 exports failed, did not complete [^\n]+CDR_EXPORT_DEADLINE_HOURS\.$"
        ):
            self.asked_again(*ours)

    def test_an_overdue_export_that_completes_at_last_serves_after_all(self) -> None:
        late = export(reference=self.whole.reference, created_at=NOW - 3 * DEADLINE)
        stuck = export(reference=self.whole.reference, created_at=NOW - 3 * DEADLINE, status=Status.PROCESSING)
        assert self.asked_again(stuck, late) is late

    def test_a_reference_that_is_taken_is_not_used_again_whatever_left_the_list(self) -> None:
        second = export(reference=self.whole.reference + ".2", status=Status.FAILED)
        assert self.asked_again(second) == self.whole
        first = export(reference=self.whole.reference, status=Status.FAILED)
        third = export(reference=self.whole.reference + ".3", status=Status.FAILED)
        assert self.asked_again(first, third) == replace(self.whole, reference=self.whole.reference + ".2")

    def test_what_failed_is_asked_for_again_at_once(self) -> None:
        again = self.asked_again(export(reference=self.whole.reference, status=Status.FAILED))
        assert again == replace(self.whole, reference=self.whole.reference + ".2")

    def test_a_ready_export_whose_file_is_lost_is_asked_for_again(self) -> None:
        ready = export(reference=self.whole.reference)
        again = serving(self.whole, [ready], NOW, DEADLINE, lost={ready.id})
        assert again == replace(self.whole, reference=self.whole.reference + ".2")

    def test_what_was_asked_for_before_and_came_is_no_failure(self) -> None:
        assert (
            self.asked_again(*(export(f"e{i}", reference=f"{OURS}day{i}x") for i in range(MAX_REQUESTS))) == self.whole
        )

    @pytest.mark.parametrize(
        ("age", "given_up"),
        [(timedelta(days=1) - timedelta(seconds=1), True), (timedelta(days=1), False), (timedelta(days=2), False)],
    )
    def test_of_a_running_month_no_more_than_so_many_fail_in_a_day(self, age: timedelta, *, given_up: bool) -> None:
        last = [NOW - timedelta(hours=1)] * (MAX_REQUESTS - 1)
        failed = [
            export(f"e{i}", reference=f"cdr/main/cdr_in/2026-11/{i}", status=Status.FAILED, created_at=created)
            for i, created in enumerate([NOW - age, *last])
        ]
        if given_up:
            with pytest.raises(PermanentError, match=r"^3 exports failed, "):
                self.asked_again(*failed, request=self.running)
        else:
            assert self.asked_again(*failed, request=self.running) == self.running

    def test_an_export_that_nobody_can_tell_the_age_of_is_never_overdue(self) -> None:
        ageless = export(status=Status.PENDING, created_at=datetime.min.replace(tzinfo=UTC))
        assert not overdue(ageless, NOW, DEADLINE)

    @pytest.mark.parametrize("status", list(Status))
    def test_only_what_is_not_ready_is_ever_overdue(self, status: Status) -> None:
        asked = export(status=status, created_at=NOW - DEADLINE)
        assert not overdue(asked, NOW, DEADLINE)
        assert overdue(asked, NOW + timedelta(microseconds=1), DEADLINE) == (status is not Status.COMPLETED)

    def test_a_completed_export_whose_url_never_comes_is_overdue(self) -> None:
        assert overdue(export(url=None, created_at=NOW - 2 * DEADLINE), NOW, DEADLINE)


@pytest.mark.parametrize(
    ("ours", "loaded", "found"),
    [
        ([], None, set()),
        ([export("a")], None, {"a"}),
        ([export("a")], "b", {"a"}),
        ([export("a")], "a", set()),
        ([export("a"), export("b")], "a", {"b"}),
        ([export("a"), export("b")], "b", set()),
        ([export("a"), export("b", status=Status.PENDING)], None, set()),
        ([export("a", created_at=NOW - timedelta(hours=24))], None, set()),
        ([export("a", created_at=NOW - timedelta(hours=23))], None, {"a"}),
    ],
)
def test_only_the_newest_export_waits_to_be_loaded_and_for_a_day(
    ours: list[Export], loaded: str | None, found: set[str]
) -> None:
    assert waiting(ours, loaded, NOW) == found


@pytest.mark.parametrize(("end", "serves"), [(OCTOBER.end, True), (OCTOBER.end - timedelta(hours=3), False)])
def test_a_part_of_a_month_that_waits_to_be_loaded_does_not_serve_the_whole(end: datetime, *, serves: bool) -> None:
    request = request_for(SERIES, CDR_IN, OCTOBER, at("2026-11-01 06:00:00"))
    part = export(reference=OURS + "20261031T210000", end=end, created_at=at("2026-10-31 21:00:05"))
    found = serving(request, [part], at("2026-11-01 06:00:00"), DEADLINE, unloaded={part.id})
    assert (found == part) is serves
