"""What every vendor promises, in each of its dialects, proved against the local one that answers in its place."""

import logging
import ssl
import time
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import urllib3

from pipeline.containers import parts
from pipeline.dataset import Dataset
from pipeline.errors import BusyError, GoneError, PermanentError, TransientError
from pipeline.export.exactly_once import ExactlyOnce, Requested
from pipeline.export.in_flight import InFlight
from pipeline.export.matching import Noted, matched, of_dataset
from pipeline.export.protocol import Export, ExportVendor, Request, Status
from pipeline.export.requests import hopeless, of_month, request_for, series
from pipeline.landing.archive import Archive
from pipeline.landing.fetch import fetch
from pipeline.months import Month
from pipeline.operations.ledger import requested_export
from pipeline.sandbox import Fault, ManualClock, Operation
from tests.export.dialects import connectif, didww, hollerline, packagex, rebilly
from tests.export.dialects.case import Case

KEY = "k-4711-secret"
MONTH = Month(2026, 10)
DEADLINE = timedelta(hours=24)
FOREIGN = 24

CASES = {**didww.CASES, **packagex.CASES, **rebilly.CASES, **connectif.CASES, **hollerline.CASES}

Sandbox = Any
Serve = Callable[
    [Callable[[str], tuple[int, dict[str, str], bytes]]], tuple[str, list[tuple[str, str, dict[str, str]]]]
]


@pytest.fixture(params=list(CASES.values()), ids=list(CASES))
def case(request: pytest.FixtureRequest) -> Case:
    assert isinstance(request.param, Case)
    return request.param


@contextmanager
def started(
    case: Case, clock: ManualClock, foreign: int = FOREIGN, seed: int = 7, step: timedelta = timedelta(0)
) -> Iterator[Sandbox]:
    with case.sandbox(
        seed=seed, clock=clock, pending=step, processing=step, api_key=case.key(KEY), foreign=foreign, rate_limit=None
    ) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(case: Case, clock: ManualClock) -> Iterator[Sandbox]:
    with started(case, clock) as running:
        yield running


@pytest.fixture
def vendor(case: Case, sandbox: Sandbox) -> ExportVendor:
    return case.client(sandbox.url, case.key(KEY))


@pytest.fixture(params=["first", "last"])
def dataset(case: Case, request: pytest.FixtureRequest) -> Dataset:
    return case.datasets[0 if request.param == "first" else -1]


@dataclass
class House:
    """One installation of ours: what it noted lies in its archive, and outlives the process."""

    folder: Path
    clock: ManualClock
    name: str = "main"
    on_its_way: float = 0.2
    deadline: timedelta = DEADLINE
    lost: set[str] = field(default_factory=set)
    rival: bool = False

    def request(self, vendor: ExportVendor, dataset: Dataset, month: Month = MONTH) -> Request:
        begin = series(self.name, dataset, vendor.reference_length)
        return request_for(begin, dataset, month, self.clock())

    def ask(self, vendor: ExportVendor, dataset: Dataset, *months: Month) -> list[Requested]:
        """Ask surely for months, or for October."""
        vendor.exports()  # tells the version that is served
        requests = [self.request(vendor, dataset, month) for month in months or [MONTH]]
        return self.asking(vendor, dataset, requests)

    def asking(self, vendor: ExportVendor, dataset: Dataset, requests: Sequence[Request]) -> list[Requested]:
        once = ExactlyOnce(
            self.name,
            vendor,
            dataset,
            self.clock(),
            self.deadline,
            self.in_flight,
            Log(self, vendor, dataset),
            self.lost,
        )
        once.read()
        return [once.ensure(request) for request in requests]

    @property
    def in_flight(self) -> InFlight:
        return InFlight(self.folder / "sending", self.on_its_way)

    @property
    def archive(self) -> Archive:
        return Archive(self.folder / "landing")

    def ours(self, vendor: ExportVendor, dataset: Dataset, month: Month = MONTH) -> list[Export]:
        listed = matched(vendor.exports(), Log(self, vendor, dataset).noted)
        begin = series(self.name, dataset, vendor.reference_length)
        return of_month(begin, month, of_dataset(vendor, dataset, listed))


@dataclass
class Log:
    """What a house wrote down of its requests."""

    house: House
    vendor: ExportVendor
    dataset: Dataset

    def noted(self, export_ids: Collection[str]) -> Mapping[str, Noted]:
        found = self.house.archive.requested_among(self.vendor.name, export_ids)
        return {one.export_id: Noted(one.reference, one.window_start, one.window_end) for one in found}

    def created(self, month: Month) -> Mapping[str, datetime]:
        found = self.house.archive.requested_of(self.vendor.name, self.dataset.name, month)
        return {one.export_id: one.created_at for one in found}

    def competing(self) -> bool:
        return self.house.rival

    def remember(self, export: Export, request: Request) -> None:
        self.house.archive.write_request(
            requested_export(self.vendor.name, export, request.dataset.name, request.month)
        )


@pytest.fixture
def house(tmp_path: Path, clock: ManualClock) -> House:
    return House(tmp_path / "main", clock)


@pytest.fixture
def wanted(house: House, case: Case, vendor: ExportVendor) -> Request:
    vendor.exports()
    return house.request(vendor, case.datasets[0])


@pytest.fixture
def ready(house: House, case: Case, vendor: ExportVendor) -> Export:
    """An export of ours whose file can be fetched."""
    house.ask(vendor, case.datasets[0])
    (export,) = house.ours(vendor, case.datasets[0])
    return export


def unless(case: Case, *kinds: Fault) -> None:
    """Leave out a fault that the vendor cannot have."""
    if set(kinds) & set(case.without):
        pytest.skip("this vendor has no such fault")


def posts(sandbox: Sandbox) -> int:
    return sum(r.method == "POST" and not r.path.endswith("/token") for r in sandbox.requests)


def gets(sandbox: Sandbox) -> int:
    return sum(r.method == "GET" for r in sandbox.requests)


class TestItsList:
    @pytest.mark.parametrize("more", [-1, 0, 1])
    @pytest.mark.parametrize("pages", [0, 1, 2])
    def test_is_every_page(self, case: Case, clock: ManualClock, pages: int, more: int) -> None:
        foreign = min(max(0, pages * case.page + more), case.reach)
        with started(case, clock, foreign) as sandbox:
            listed = case.client(sandbox.url, case.key(KEY)).exports()
        assert len({export.id for export in listed}) == len(listed) == foreign

    def test_shows_what_was_asked_for(
        self, case: Case, house: House, vendor: ExportVendor, clock: ManualClock, dataset: Dataset
    ) -> None:
        (asked,) = house.ask(vendor, dataset)
        (listed,) = house.ours(vendor, dataset)
        assert (listed.id, listed.reference) == (asked.export.id, asked.request.reference)
        assert listed.resource == dataset.resource
        assert (listed.start, listed.end) == (asked.request.start, asked.request.end)
        assert abs(listed.created_at - clock()) < timedelta(seconds=1)
        for other in case.datasets:
            assert house.ours(vendor, other) == ([listed] if other == dataset else [])

    def test_goes_from_pending_to_completed(self, case: Case, house: House, clock: ManualClock) -> None:
        minute = timedelta(minutes=1)
        with started(case, clock, 0, step=minute) as sandbox:
            vendor = case.client(sandbox.url, case.key(KEY))
            (asked,) = house.ask(vendor, case.datasets[0])
            seen = [(asked.export.status, asked.export.ready)]
            for _ in range(2):
                clock.advance(minute)
                (export,) = vendor.exports()
                seen.append((export.status, export.ready))
        assert seen == [(Status.PENDING, False), (Status.PROCESSING, False), (Status.COMPLETED, True)]

    def test_tells_how_many_records_a_completed_export_holds_or_nothing(
        self, case: Case, house: House, clock: ManualClock
    ) -> None:
        minute = timedelta(minutes=1)
        with started(case, clock, 0, step=minute) as sandbox:
            vendor = case.client(sandbox.url, case.key(KEY))
            (asked,) = house.ask(vendor, case.datasets[0])
            told = [asked.export.records]
            for _ in range(2):
                clock.advance(minute)
                told += [export.records for export in vendor.exports()]
            held = sandbox.truth_of(asked.export.id).rows
        assert told == [None, None, held if case.tells_records else None]

    @pytest.mark.parametrize("kind", [Fault.BAD_GATEWAY, Fault.INVALID_JSON, Fault.DROPPED, Fault.UNANSWERED])
    def test_is_no_list_where_a_page_cannot_be_read(
        self, case: Case, sandbox: Sandbox, vendor: ExportVendor, kind: Fault
    ) -> None:
        unless(case, kind)
        fault = sandbox.faults.inject(kind, times=None, on=Operation.LIST)
        with pytest.raises(TransientError, match=r"^[^\n]+ try again later\.$"):
            vendor.exports()
        fault.stop()
        assert len(vendor.exports()) == FOREIGN

    def test_does_not_follow_a_next_page_that_repeats(self, case: Case, clock: ManualClock) -> None:
        unless(case, Fault.ENDLESS_NEXT)
        with started(case, clock, foreign=case.page + 1) as sandbox:
            sandbox.faults.inject(Fault.ENDLESS_NEXT, times=None)
            with pytest.raises(TransientError, match="was read already"):
                case.client(sandbox.url, case.key(KEY)).exports()
            assert gets(sandbox) <= 5

    @pytest.mark.parametrize("kind", [Fault.LIST_GROWS, Fault.LIST_SHRINKS])
    @pytest.mark.parametrize("seed", range(3))
    def test_has_every_export_once_although_pages_shift(
        self, case: Case, clock: ManualClock, kind: Fault, seed: int
    ) -> None:
        unless(case, kind)
        foreign = min(2 * case.page + case.page // 2, case.reach - 2)
        with started(case, clock, foreign, seed=seed) as sandbox:
            vendor = case.client(sandbox.url, case.key(KEY))
            sandbox.faults.inject(kind, times=1)
            ids = [export.id for export in vendor.exports()]
            still_there = {export.id for export in vendor.exports()}
        assert len(ids) == len(set(ids))
        assert still_there <= set(ids)

    def test_is_whole_although_exports_do_not_stop_coming(self, case: Case, clock: ManualClock) -> None:
        with started(case, clock, foreign=min(2 * case.page + case.page // 2, case.reach - 20)) as sandbox:
            vendor = case.client(sandbox.url, case.key(KEY))
            there = {export.id for export in vendor.exports()}
            sandbox.faults.inject(Fault.LIST_GROWS, times=None)
            listed = vendor.exports()
        assert there <= {export.id for export in listed}
        assert not listed.doubt

    def test_is_in_doubt_where_exports_do_not_stop_going(self, case: Case, clock: ManualClock) -> None:
        with started(case, clock, foreign=min(2 * case.page + case.page // 2, case.reach - 2)) as sandbox:
            vendor = case.client(sandbox.url, case.key(KEY))
            fault = sandbox.faults.inject(Fault.LIST_SHRINKS, times=None)
            listed = vendor.exports()
            assert gets(sandbox) < 24
            fault.stop()
            still_there = {export.id for export in vendor.exports()}
        assert still_there <= {export.id for export in listed}
        assert "some may be missing" in listed.doubt

    def test_holds_an_unknown_status_that_is_neither_done_nor_fatal(
        self, sandbox: Sandbox, vendor: ExportVendor, ready: Export, clock: ManualClock
    ) -> None:
        sandbox.faults.inject(Fault.UNKNOWN_STATUS, match=lambda export: export.id == ready.id, value="Archiving")
        listed = {export.id: export for export in vendor.exports()}
        assert len(listed) == FOREIGN + 1
        assert listed[ready.id].status is Status.UNKNOWN
        assert listed[ready.id].vendor_status == "Archiving"
        assert not listed[ready.id].ready
        assert not hopeless(listed[ready.id], clock(), DEADLINE)

    def test_holds_an_export_that_failed_and_is_asked_for_again(
        self, case: Case, house: House, sandbox: Sandbox, vendor: ExportVendor, ready: Export, clock: ManualClock
    ) -> None:
        unless(case, Fault.FAILED)
        sandbox.faults.inject(Fault.FAILED, match=lambda export: export.id == ready.id, value=case.failed)
        listed = {export.id: export for export in vendor.exports()}
        assert listed[ready.id].status is Status.FAILED
        assert listed[ready.id].vendor_status.startswith(case.failed)
        assert not listed[ready.id].ready
        assert hopeless(listed[ready.id], clock(), DEADLINE)
        (again,) = house.ask(vendor, case.datasets[0])
        assert again.created
        assert again.export.reference == f"{ready.reference}.2"

    def test_holds_a_completed_export_without_url_that_is_not_ready_yet(
        self, case: Case, sandbox: Sandbox, vendor: ExportVendor, ready: Export
    ) -> None:
        unless(case, Fault.WITHOUT_URL)
        sandbox.faults.inject(Fault.WITHOUT_URL, on=Operation.LIST, match=lambda export: export.id == ready.id)
        early, later = (next(e for e in vendor.exports() if e.id == ready.id) for _ in range(2))
        assert (early.status, early.ready) == (Status.COMPLETED, False)
        assert (later.status, later.ready) == (Status.COMPLETED, True)

    def test_that_shows_an_export_late_only_makes_us_wait(
        self, case: Case, house: House, sandbox: Sandbox, vendor: ExportVendor
    ) -> None:
        unless(case, Fault.LATE)
        (asked,) = house.ask(vendor, case.datasets[0])
        sandbox.faults.inject(Fault.LATE, match=lambda export: export.id == asked.export.id)
        assert house.ours(vendor, case.datasets[0]) == []
        assert [one.id for one in house.ours(vendor, case.datasets[0])] == [asked.export.id]


class TestAsking:
    def test_never_takes_an_export_of_somebody_else(
        self, case: Case, house: House, clock: ManualClock, dataset: Dataset
    ) -> None:
        with started(case, clock, foreign=min(3 * case.page, case.reach - 5)) as sandbox:
            vendor = case.client(sandbox.url, case.key(KEY))
            foreign = {export.id for export in vendor.exports()}
            months = [Month.of(clock()).shift(-back) for back in range(3)]
            asked = house.ask(vendor, dataset, *months)
            assert [(a.request.month, a.created) for a in asked] == [(month, True) for month in months]
            assert not foreign & {a.export.id for a in asked}
            assert len(sandbox.exports) == 3

    def test_twice_is_one_post(
        self, case: Case, house: House, sandbox: Sandbox, vendor: ExportVendor, dataset: Dataset
    ) -> None:
        (first,), (second,) = (house.ask(vendor, dataset) for _ in range(2))
        assert (first.created, second.created) == (True, False)
        assert first.export.id == second.export.id
        assert posts(sandbox) == len(sandbox.exports) == 1

    def test_twice_in_one_go_is_one_post(
        self, case: Case, house: House, sandbox: Sandbox, vendor: ExportVendor
    ) -> None:
        first, second = house.ask(vendor, case.datasets[0], MONTH, MONTH)
        assert first.export.id == second.export.id
        assert posts(sandbox) == len(sandbox.exports) == 1

    def test_beside_another_installation_takes_nothing_from_it(
        self, case: Case, house: House, vendor: ExportVendor, clock: ManualClock, tmp_path: Path
    ) -> None:
        (theirs,) = house.ask(vendor, case.datasets[0])
        second = House(tmp_path / "second", clock, "second")
        (ours,) = second.ask(vendor, case.datasets[0])
        assert ours.created
        assert ours.export.id != theirs.export.id
        assert [one.id for one in house.ours(vendor, case.datasets[0])] == [theirs.export.id]

    @pytest.mark.parametrize(
        ("kind", "value"),
        [
            (Fault.BAD_GATEWAY, 502),
            (Fault.BAD_GATEWAY, 503),
            (Fault.BAD_GATEWAY, 500),
            (Fault.TOO_MANY_REQUESTS, 0),
            (Fault.TOO_MANY_REQUESTS, None),
            (Fault.DROPPED, None),
            (Fault.UNANSWERED, None),
        ],
    )
    def test_is_never_repeated_by_http(
        self, case: Case, sandbox: Sandbox, vendor: ExportVendor, wanted: Request, kind: Fault, value: int | None
    ) -> None:
        sandbox.faults.inject(kind, on=Operation.CREATE, value=value)
        with pytest.raises(TransientError, match=r"^POST [^\n]+ try again later\.$"):
            vendor.request(wanted)
        assert posts(sandbox) == 1

    def test_is_never_repeated_after_a_tls_error_either(
        self, case: Case, sandbox: Sandbox, vendor: ExportVendor, wanted: Request, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(connection: object) -> None:
            raise ssl.SSLError(1, "decryption failed or bad record mac")

        monkeypatch.setattr(urllib3.connection.HTTPConnection, "getresponse", broken)
        with pytest.raises(TransientError):
            vendor.request(wanted)
        monkeypatch.undo()
        vendor.exports()  # The sandbox has read what was sent before by the time that it answers this.
        assert posts(sandbox) <= 1
        assert len(sandbox.exports) <= 1

    def test_whose_answer_never_arrives_leaves_exactly_one_export(
        self, case: Case, house: House, sandbox: Sandbox, vendor: ExportVendor, dataset: Dataset
    ) -> None:
        sandbox.faults.inject(Fault.UNANSWERED, on=Operation.CREATE)
        (asked,) = house.ask(vendor, dataset)
        assert [export.id for export in sandbox.exports] == [asked.export.id]
        assert asked.created
        assert posts(sandbox) == 1
        assert not house.ask(vendor, dataset)[0].created

    def test_that_was_not_heard_is_told_and_then_done_once(
        self, case: Case, house: House, sandbox: Sandbox, vendor: ExportVendor
    ) -> None:
        sandbox.faults.inject(Fault.DROPPED, on=Operation.CREATE)
        with pytest.raises(TransientError):
            house.ask(vendor, case.datasets[0])
        assert sandbox.exports == []
        house.ask(vendor, case.datasets[0])
        assert len(sandbox.exports) == 1

    def test_after_a_crash_between_post_and_answer_adopts_what_was_created(
        self, case: Case, house: House, sandbox: Sandbox, vendor: ExportVendor, clock: ManualClock, dataset: Dataset
    ) -> None:
        vendor.exports()
        request = house.request(vendor, dataset)
        house.in_flight.note(request, clock(), carried=vendor.reference_length > 0)
        vendor.request(request)  # and then it was killed, before anyone noted what came back
        after_restart = case.client(sandbox.url, case.key(KEY))
        (asked,) = house.ask(after_restart, dataset)
        assert not asked.created
        assert [export.id for export in sandbox.exports] == [asked.export.id]
        assert not house.ask(after_restart, dataset)[0].created

    def test_whose_answer_was_lost_is_not_repeated_where_the_list_could_not_be_read_either(
        self, case: Case, house: House, sandbox: Sandbox, vendor: ExportVendor, clock: ManualClock
    ) -> None:
        house.on_its_way = 30
        vendor.exports()
        sandbox.faults.inject(Fault.UNANSWERED, on=Operation.CREATE)
        blind = sandbox.faults.inject(Fault.BAD_GATEWAY, times=None, on=Operation.LIST)
        request = house.request(vendor, case.datasets[0])
        house.in_flight.note(request, clock(), carried=vendor.reference_length > 0)
        with pytest.raises(TransientError):
            vendor.request(request)
        with pytest.raises(TransientError):
            house.ask(vendor, case.datasets[0])
        blind.stop()
        assert not house.ask(vendor, case.datasets[0])[0].created
        assert len(sandbox.exports) == 1

    def test_does_not_take_for_its_own_what_another_dataset_may_have_created(
        self, case: Case, house: House, sandbox: Sandbox, vendor: ExportVendor, clock: ManualClock
    ) -> None:
        vendor.exports()
        if vendor.reference_length:
            pytest.skip("this vendor repeats whose an export is")
        dataset = case.datasets[0]
        request = house.request(vendor, dataset)
        house.in_flight.note(request, clock(), carried=False)
        vendor.request(request)
        house.rival = True
        assert house.ask(vendor, dataset)[0].created
        assert len(sandbox.exports) == 2

    def test_is_not_done_where_the_list_cannot_be_read(
        self, case: Case, house: House, sandbox: Sandbox, vendor: ExportVendor, wanted: Request
    ) -> None:
        sandbox.faults.inject(Fault.BAD_GATEWAY, times=None, on=Operation.LIST)
        with pytest.raises(TransientError):
            house.asking(vendor, wanted.dataset, [wanted])
        assert posts(sandbox) == 0

    def test_is_not_repeated_while_the_list_may_only_fail_to_show_it(
        self, case: Case, house: House, clock: ManualClock
    ) -> None:
        with started(case, clock, foreign=min(2 * case.page + case.page // 2, case.reach - 2)) as sandbox:
            vendor, dataset = case.client(sandbox.url, case.key(KEY)), case.datasets[0]
            (asked,) = house.ask(vendor, dataset)
            sandbox.faults.inject(Fault.LATE, times=None, match=lambda export: export.id == asked.export.id)
            assert asked.export.id not in {export.id for export in vendor.exports()}
            sandbox.faults.inject(Fault.LIST_SHRINKS, times=None)
            with pytest.raises(TransientError, match="may be already"):
                house.ask(vendor, dataset)
            assert posts(sandbox) == 1
            assert house.ask(vendor, dataset, MONTH.shift(1))[0].created  # which nobody asked for
            clock.advance(timedelta(days=1))
            assert house.ask(vendor, dataset)[0].created
            assert posts(sandbox) == 3

    def test_is_not_repeated_while_a_list_that_seems_whole_does_not_show_it_yet(
        self, case: Case, house: House, sandbox: Sandbox, vendor: ExportVendor, clock: ManualClock
    ) -> None:
        dataset = case.datasets[0]
        (asked,) = house.ask(vendor, dataset)
        hidden = sandbox.faults.inject(Fault.LATE, times=None, match=lambda export: export.id == asked.export.id)
        assert not vendor.exports().doubt
        with pytest.raises(TransientError, match="does not show yet"):
            house.ask(vendor, dataset)
        hidden.stop()
        assert not house.ask(vendor, dataset)[0].created
        hidden = sandbox.faults.inject(Fault.LATE, times=None, match=lambda export: export.id == asked.export.id)
        clock.advance(timedelta(seconds=30))
        assert house.ask(vendor, dataset)[0].created  # it is gone
        assert posts(sandbox) == 2

    def test_whose_answer_was_lost_is_not_repeated_while_the_list_is_in_doubt(
        self, case: Case, house: House, clock: ManualClock
    ) -> None:
        with started(case, clock, foreign=min(2 * case.page + case.page // 2, case.reach - 2)) as sandbox:
            vendor, dataset = case.client(sandbox.url, case.key(KEY)), case.datasets[0]
            vendor.exports()
            request = house.request(vendor, dataset)
            house.in_flight.note(request, clock(), carried=vendor.reference_length > 0)
            made = vendor.request(request)
            hidden = sandbox.faults.inject(Fault.LATE, times=None, match=lambda export: export.id == made.id)
            shifting = sandbox.faults.inject(Fault.LIST_SHRINKS, times=None)
            with pytest.raises(TransientError, match="What became of the request"):
                house.ask(vendor, dataset)
            hidden.stop()
            shifting.stop()
            assert not house.ask(vendor, dataset)[0].created
            assert posts(sandbox) == 1

    def test_is_put_off_where_the_vendor_has_enough_to_do(
        self, case: Case, house: House, sandbox: Sandbox, vendor: ExportVendor
    ) -> None:
        unless(case, Fault.BUSY)
        sandbox.faults.inject(Fault.BUSY, on=Operation.CREATE)
        with pytest.raises(BusyError, match=r"^POST [^\n]+ was put off \([^\n]+\); try again later\.$"):
            house.ask(vendor, case.datasets[0])
        assert house.in_flight.left() is None
        assert sandbox.exports == []
        assert house.ask(vendor, case.datasets[0])[0].created

    def test_is_given_up_after_three_exports_that_never_completed(
        self, case: Case, house: House, sandbox: Sandbox, vendor: ExportVendor, clock: ManualClock, wanted: Request
    ) -> None:
        sandbox.faults.inject(Fault.STUCK, times=None)
        house.deadline = min(DEADLINE, case.kept / 8) if case.kept else DEADLINE
        asked: list[Requested] = []
        for _ in range(3):
            asked += house.asking(vendor, wanted.dataset, [wanted])
            clock.advance(house.deadline + timedelta(seconds=1))
        with pytest.raises(PermanentError, match="3 exports failed, did not complete"):
            house.asking(vendor, wanted.dataset, [wanted])
        assert len(sandbox.exports) == 3

    def test_for_what_the_vendor_refuses_tells_its_reason(
        self, case: Case, vendor: ExportVendor, wanted: Request
    ) -> None:
        odd = replace(wanted, dataset=replace(wanted.dataset, **case.refused))
        with pytest.raises(PermanentError, match=rf"^[^\n]*{case.reason}[^\n]*\.$"):
            vendor.request(odd)


class TestReading:
    @pytest.mark.parametrize("value", [7, None])
    def test_is_repeated_after_429_when_the_vendor_says_so(
        self,
        case: Case,
        sandbox: Sandbox,
        vendor: ExportVendor,
        monkeypatch: pytest.MonkeyPatch,
        value: int | None,
    ) -> None:
        slept: list[float] = []
        vendor.exports()
        before = len(sandbox.requests)
        monkeypatch.setattr(time, "sleep", slept.append)
        sandbox.faults.inject(Fault.TOO_MANY_REQUESTS, times=2, on=Operation.LIST, value=value)
        assert len(vendor.exports()) == FOREIGN
        waited = [seconds for seconds in slept if seconds]
        assert len(waited) == (2 if value else 0)
        assert all(value and value - 2 < seconds <= value for seconds in waited)
        assert [r.status for r in sandbox.requests[before:]][:3] == [429, 429, 200]

    @pytest.mark.parametrize(
        ("kind", "value"), [(Fault.BAD_GATEWAY, 500), (Fault.BAD_GATEWAY, 503), (Fault.DROPPED, None)]
    )
    @pytest.mark.parametrize("operation", [Operation.LIST, Operation.DOWNLOAD])
    def test_is_repeated_after_passing_trouble(
        self,
        sandbox: Sandbox,
        vendor: ExportVendor,
        ready: Export,
        kind: Fault,
        value: int | None,
        operation: Operation,
    ) -> None:
        sandbox.faults.inject(kind, times=4, on=operation, value=value)
        if operation is Operation.LIST:
            assert len(vendor.exports()) == FOREIGN + 1
        else:
            with vendor.open(ready) as response:
                assert response.status_code == 200

    def test_is_given_up_after_five_times(self, sandbox: Sandbox, vendor: ExportVendor) -> None:
        vendor.exports()
        before = gets(sandbox)
        sandbox.faults.inject(Fault.BAD_GATEWAY, times=None, on=Operation.LIST)
        with pytest.raises(TransientError, match="HTTP 502"):
            vendor.exports()
        assert gets(sandbox) - before == 5


class TestItsFiles:
    def test_land_whole(self, vendor: ExportVendor, ready: Export, tmp_path: Path) -> None:
        fetched = fetch(partial(vendor.open, ready), tmp_path / f"{ready.id}.csv.gz")
        (file,) = tmp_path.glob(f"{ready.id}.*")
        assert b"".join(part.read() for part in parts(file))
        assert fetched.contents.header

    def test_are_served_from_any_byte_on(self, case: Case, vendor: ExportVendor, ready: Export) -> None:
        if not case.resumes:
            pytest.skip("this vendor serves whole files only")
        with vendor.open(ready) as response:
            assert response.status_code == 200
            whole, etag = response.raw.read(decode_content=False), response.headers["ETag"]
        with vendor.open(ready, 100, etag) as response:
            assert (response.status_code, response.raw.read(decode_content=False)) == (206, whole[100:])
        with vendor.open(ready, 100, '"another"') as response:
            assert (response.status_code, response.raw.read(decode_content=False)) == (200, whole)
        with pytest.raises(TransientError, match="HTTP 416"):
            vendor.open(ready, 10_000_000, etag)

    def test_are_asked_for_without_a_range_where_no_etag_could_guard_it(
        self, sandbox: Sandbox, vendor: ExportVendor, ready: Export
    ) -> None:
        vendor.open(ready, 100, "").close()
        assert "Range" not in sandbox.requests[-1].headers

    def test_that_are_gone_are_asked_for_anew(
        self, case: Case, house: House, sandbox: Sandbox, vendor: ExportVendor, ready: Export
    ) -> None:
        sandbox.faults.inject(Fault.FILE_GONE)
        with pytest.raises(GoneError, match=r"^GET [^\n]+\(HTTP 404\)[^\n]+\.$"):
            vendor.open(ready)
        house.lost.add(ready.id)
        assert house.ask(vendor, case.datasets[0])[0].created

    def test_that_vanished_with_their_export_are_asked_for_anew(
        self, case: Case, house: House, clock: ManualClock, vendor: ExportVendor, ready: Export
    ) -> None:
        if case.kept is None:
            pytest.skip("this vendor does not say how long it keeps exports")
        clock.advance(case.kept + timedelta(seconds=1))
        with pytest.raises(GoneError):
            vendor.open(ready)
        assert house.ours(vendor, case.datasets[0]) == []
        assert house.ask(vendor, case.datasets[0])[0].created

    def test_behind_an_address_that_ran_out_are_found_behind_a_new_one(
        self, case: Case, sandbox: Sandbox, vendor: ExportVendor, ready: Export
    ) -> None:
        unless(case, Fault.POINTER_EXPIRED)
        with vendor.open(ready) as response:
            first = response.raw.read()
        sandbox.faults.inject(Fault.POINTER_EXPIRED)
        with suppress(PermanentError, TransientError):
            vendor.open(ready).close()
        with vendor.open(ready) as response:
            assert response.raw.read() == first

    def test_behind_redirects_without_end_are_a_permanent_error(
        self, case: Case, sandbox: Sandbox, vendor: ExportVendor, ready: Export
    ) -> None:
        sandbox.faults.inject(Fault.REDIRECT, times=None, value=case.loop(ready))
        before = len(sandbox.requests)
        with pytest.raises(PermanentError, match=r"redirects without end; [^\n]+\.$|HTTP 40[134]"):
            vendor.open(ready)
        assert len(sandbox.requests) - before <= 7


class TestItsKey:
    def test_goes_to_no_other_port_that_a_redirect_names(
        self, case: Case, sandbox: Sandbox, vendor: ExportVendor, ready: Export, serve: Serve
    ) -> None:
        elsewhere, seen = serve(lambda path: (200, {}, b"file"))
        sandbox.faults.inject(Fault.REDIRECT, value=f"{elsewhere}/signed?token=1")
        with vendor.open(ready) as response:
            assert response.raw.read() == b"file"
        assert [(method, path) for method, path, _ in seen] == [("GET", "/signed?token=1")]
        assert_without_key(case, seen)

    def test_goes_to_no_other_host_name_that_a_redirect_names(
        self, case: Case, sandbox: Sandbox, vendor: ExportVendor, ready: Export
    ) -> None:
        sandbox.faults.inject(Fault.REDIRECT)
        with suppress(PermanentError, TransientError):
            vendor.open(ready).close()
        assert sandbox.requests[-1].headers["Host"].startswith("localhost:")
        assert case.key_header not in sandbox.requests[-1].headers

    @pytest.mark.parametrize(
        "look_alike", ["", "http://127.0.0.1.example.com", "http://127.0.0.1@localhost", "//localhost"]
    )
    def test_goes_to_no_other_host_that_the_url_names(
        self, case: Case, sandbox: Sandbox, vendor: ExportVendor, ready: Export, serve: Serve, look_alike: str
    ) -> None:
        elsewhere, seen = serve(lambda path: (200, {}, b"file"))
        host = f"{look_alike}:{urlsplit(elsewhere).port}" if look_alike else elsewhere
        before = len(sandbox.requests)
        with suppress(PermanentError, TransientError):
            vendor.open(replace(ready, url=f"{host}/v3/exports/f.csv.gz"), 100, '"etag"').close()
        for _, _, headers in seen:
            assert case.key_header.lower() not in headers
        for request in sandbox.requests[before:]:
            assert request.headers["Host"] == urlsplit(sandbox.url).netloc or case.key_header not in request.headers

    @pytest.mark.parametrize("what", ["list", "ask", "download"])
    def test_is_named_where_it_is_refused_with_and_without_a_body(
        self, case: Case, sandbox: Sandbox, wanted: Request, ready: Export, what: str
    ) -> None:
        wrong = case.client(sandbox.url, case.key("k-another"))
        attempts: dict[str, Callable[[], object]] = {
            "list": wrong.exports,
            "ask": lambda: wrong.request(wanted),
            "download": lambda: wrong.open(ready),
        }
        with pytest.raises(PermanentError, match=rf"^[^\n]+\(HTTP 401\)[^\n]+{case.key_setting}[^\n]+\.$"):
            attempts[what]()
        assert sandbox.requests[-1].status == 401

    def test_is_named_where_it_is_missing_before_anything_is_sent(self, case: Case, sandbox: Sandbox) -> None:
        with pytest.raises(PermanentError, match=rf"set {case.key_setting}\.$"):
            case.client(sandbox.url, "").exports()
        assert sandbox.requests == []

    @pytest.mark.parametrize("odd", ["{}\n", "{}\r\nX-Other: 1", " {}", "{}é", "\N{SNOWMAN}{}"])
    def test_that_cannot_be_sent_is_refused_without_being_shown(
        self, case: Case, sandbox: Sandbox, caplog: pytest.LogCaptureFixture, odd: str
    ) -> None:
        key = odd.format(case.key(KEY))
        with caplog.at_level(logging.DEBUG), pytest.raises(PermanentError, match=case.key_setting) as refused:
            case.client(sandbox.url, key).exports()
        assert KEY not in "".join(traceback.format_exception(refused.value)) + caplog.text
        assert sandbox.requests == []

    def test_is_in_no_text_about_the_vendor(self, vendor: ExportVendor) -> None:
        vendor.exports()
        assert KEY not in f"{vendor!r} {vendor!s} {vars(vendor)}"

    @pytest.mark.parametrize("kind", [*Fault])
    def test_is_in_no_error_and_no_log_whatever_goes_wrong(
        self,
        sandbox: Sandbox,
        vendor: ExportVendor,
        wanted: Request,
        ready: Export,
        caplog: pytest.LogCaptureFixture,
        kind: Fault,
    ) -> None:
        text = ""
        if kind is Fault.UNANSWERED:
            sandbox.stop()
        sandbox.faults.inject(kind, times=None)
        with caplog.at_level(logging.DEBUG):
            for attempt in (vendor.exports, lambda: vendor.request(wanted), lambda: vendor.open(ready).close()):
                try:
                    attempt()
                except (PermanentError, TransientError) as error:
                    text += "".join(traceback.format_exception(error)) + repr(error) + repr(error.__cause__)
        assert caplog.records
        assert KEY not in text + caplog.text
        assert all(KEY not in value for request in sandbox.requests for value in request.headers.values())


def assert_without_key(case: Case, seen: list[tuple[str, str, dict[str, str]]]) -> None:
    assert seen
    for _, _, headers in seen:
        assert case.key_header.lower() not in headers
        assert not any(KEY in value for value in headers.values())
