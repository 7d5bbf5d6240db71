"""What every vendor promises, proved against the local one that answers in its place."""

import gzip
import logging
import ssl
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import pytest
import urllib3
from pydantic import SecretStr

from pipeline.errors import PermanentError, TransientError
from pipeline.export.asking import Asked, Asker, ensure_asked
from pipeline.export.didww import Didww
from pipeline.export.outbox import Outbox
from pipeline.export.plan import of_month, request_for
from pipeline.export.protocol import Export, ExportVendor, Request, Status
from pipeline.months import Month
from pipeline.sandbox import Fault, ManualClock, Operation, Sandbox

KEY = "k-4711-secret"
MONTH = Month(2026, 10)
DEADLINE = timedelta(hours=24)
FOREIGN = 24

Serve = Callable[
    [Callable[[str], tuple[int, dict[str, str], bytes]]], tuple[str, list[tuple[str, str, dict[str, str]]]]
]


@dataclass(frozen=True)
class Case:
    """A vendor, the local one in its place, and what this vendor calls things."""

    sandbox: Callable[..., Sandbox]
    client: Callable[[str, str], ExportVendor]
    record_types: tuple[str, ...]
    key_header: str
    key_setting: str


VENDORS = {
    "didww": Case(
        sandbox=Sandbox,
        client=lambda url, key: Didww(url, SecretStr(key), "2026-04-16", patience=0.0),
        record_types=("cdr_in", "cdr_out"),
        key_header="Api-Key",
        key_setting="DIDWW_API_KEY",
    )
}


@pytest.fixture(params=list(VENDORS.values()), ids=list(VENDORS))
def case(request: pytest.FixtureRequest) -> Case:
    assert isinstance(request.param, Case)
    return request.param


@contextmanager
def started(case: Case, clock: ManualClock, foreign: int = FOREIGN, seed: int = 7) -> Iterator[Sandbox]:
    with case.sandbox(
        seed=seed,
        calls_per_day=3,
        clock=clock,
        pending=timedelta(0),
        processing=timedelta(0),
        api_key=KEY,
        foreign=foreign,
        rate_limit=None,
    ) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(case: Case, clock: ManualClock) -> Iterator[Sandbox]:
    with started(case, clock) as running:
        yield running


@pytest.fixture
def vendor(case: Case, sandbox: Sandbox) -> ExportVendor:
    return case.client(sandbox.url, KEY)


@pytest.fixture(params=["first", "last"])
def record_type(case: Case, request: pytest.FixtureRequest) -> str:
    return case.record_types[0 if request.param == "first" else -1]


@pytest.fixture
def wanted(case: Case, clock: ManualClock) -> Request:
    return request_for("main", case.record_types[0], MONTH, clock())


@pytest.fixture
def ready(vendor: ExportVendor, wanted: Request) -> Export:
    """An export of ours whose file can be fetched."""
    asked = vendor.ask(wanted)
    return next(export for export in vendor.exports() if export.id == asked.id)


def ask_surely(vendor: ExportVendor, clock: ManualClock, *requests: Request) -> list[Asked]:
    with TemporaryDirectory() as folder:
        outbox = Outbox(Path(folder) / "sending")
        return list(ensure_asked(vendor, requests, Asker("main", clock(), DEADLINE), outbox))


def count(sandbox: Sandbox, method: str, ending: str = "/exports") -> int:
    return sum(r.method == method and urlsplit(r.path).path.endswith(ending) for r in sandbox.requests)


class TestItsList:
    @pytest.mark.parametrize("foreign", [0, 1, 99, 100, 101, 231])
    def test_is_every_page(self, case: Case, clock: ManualClock, foreign: int) -> None:
        with started(case, clock, foreign) as sandbox:
            listed = case.client(sandbox.url, KEY).exports()
        assert len({export.id for export in listed}) == len(listed) == foreign

    def test_shows_what_was_asked_for(
        self, case: Case, vendor: ExportVendor, clock: ManualClock, record_type: str
    ) -> None:
        request = request_for("main", record_type, MONTH, clock())
        asked = vendor.ask(request)
        (listed,) = [export for export in vendor.exports() if export.id == asked.id]
        assert (listed.reference, listed.record_type) == (request.reference, record_type)
        assert (listed.start, listed.end, listed.created_at) == (request.start, request.end, clock())
        assert of_month("main", record_type, MONTH, [listed]) == [listed]
        assert listed.api_version

    def test_goes_from_pending_to_completed_with_a_url(self, case: Case, clock: ManualClock, wanted: Request) -> None:
        minute = timedelta(minutes=1)
        with case.sandbox(
            clock=clock, pending=minute, processing=minute, api_key=KEY, calls_per_day=1, foreign=0, rate_limit=None
        ) as sandbox:
            vendor = case.client(sandbox.url, KEY)
            asked = vendor.ask(wanted)
            seen = [(asked.status, asked.ready)]
            for _ in range(2):
                clock.advance(minute)
                (export,) = vendor.exports()
                seen.append((export.status, export.ready))
        assert seen == [(Status.PENDING, False), (Status.PROCESSING, False), (Status.COMPLETED, True)]

    @pytest.mark.parametrize("kind", [Fault.BAD_GATEWAY, Fault.INVALID_JSON, Fault.DROPPED, Fault.UNANSWERED])
    def test_is_no_list_where_a_page_cannot_be_read(self, sandbox: Sandbox, vendor: ExportVendor, kind: Fault) -> None:
        fault = sandbox.faults.inject(kind, times=None, on=Operation.LIST)
        with pytest.raises(TransientError, match=r"^[^\n]+ try again later\.$"):
            vendor.exports()
        fault.stop()
        assert len(vendor.exports()) == FOREIGN

    def test_does_not_follow_a_next_page_that_repeats(self, case: Case, clock: ManualClock) -> None:
        with started(case, clock, foreign=150) as sandbox:
            sandbox.faults.inject(Fault.ENDLESS_NEXT, times=None)
            with pytest.raises(TransientError, match="was read already"):
                case.client(sandbox.url, KEY).exports()
            assert count(sandbox, "GET") <= 3

    @pytest.mark.parametrize("kind", [Fault.LIST_GROWS, Fault.LIST_SHRINKS])
    @pytest.mark.parametrize("seed", range(4))
    def test_has_every_export_once_although_pages_shift(
        self, case: Case, clock: ManualClock, kind: Fault, seed: int
    ) -> None:
        with started(case, clock, foreign=250, seed=seed) as sandbox:
            vendor = case.client(sandbox.url, KEY)
            sandbox.faults.inject(kind, times=1)
            ids = [export.id for export in vendor.exports()]
            still_there = {export.id for export in vendor.exports()}
        assert len(ids) == len(set(ids))
        assert still_there <= set(ids)

    @pytest.mark.parametrize("kind", [Fault.LIST_GROWS, Fault.LIST_SHRINKS])
    def test_is_no_list_where_pages_do_not_stop_shifting(self, case: Case, clock: ManualClock, kind: Fault) -> None:
        with started(case, clock, foreign=250) as sandbox:
            sandbox.faults.inject(kind, times=None)
            with pytest.raises(TransientError, match=r"listed \d+ of \d+ exports"):
                case.client(sandbox.url, KEY).exports()
            assert count(sandbox, "GET") < 12

    def test_holds_an_unknown_status_that_is_neither_done_nor_fatal(
        self, sandbox: Sandbox, vendor: ExportVendor, ready: Export
    ) -> None:
        sandbox.faults.inject(Fault.UNKNOWN_STATUS, match=lambda export: export.id == ready.id, value="Archiving")
        listed = {export.id: export for export in vendor.exports()}
        assert len(listed) == FOREIGN + 1
        assert listed[ready.id].status is Status.UNKNOWN
        assert listed[ready.id].said == "Archiving"
        assert not listed[ready.id].ready

    def test_holds_a_completed_export_without_url_that_is_not_ready_yet(
        self, sandbox: Sandbox, vendor: ExportVendor, ready: Export
    ) -> None:
        sandbox.faults.inject(Fault.WITHOUT_URL, match=lambda export: export.id == ready.id)
        early, later = (next(e for e in vendor.exports() if e.id == ready.id) for _ in range(2))
        assert (early.status, early.ready) == (Status.COMPLETED, False)
        assert (later.status, later.ready) == (Status.COMPLETED, True)
        with pytest.raises(TransientError, match=r"has no file yet; try again later\.$"):
            vendor.open(early)


class TestAsking:
    def test_never_takes_an_export_of_somebody_else(self, case: Case, clock: ManualClock, record_type: str) -> None:
        with started(case, clock, foreign=300) as sandbox:
            vendor = case.client(sandbox.url, KEY)
            foreign = {export.id for export in vendor.exports()}
            months = [Month.of(clock()).shift(-back) for back in range(3)]
            requests = [request_for("main", record_type, month, clock()) for month in months]
            asked = ask_surely(vendor, clock, *requests)
            assert [(a.request, a.created) for a in asked] == [(request, True) for request in requests]
            assert not foreign & {a.export.id for a in asked}
            assert len(sandbox.exports) == 3

    def test_twice_is_one_post(
        self, sandbox: Sandbox, vendor: ExportVendor, clock: ManualClock, wanted: Request
    ) -> None:
        (first,), (second,) = (ask_surely(vendor, clock, wanted) for _ in range(2))
        assert (first.created, second.created) == (True, False)
        assert first.export.id == second.export.id
        assert count(sandbox, "POST") == len(sandbox.exports) == 1

    def test_twice_in_one_go_is_one_post(
        self, sandbox: Sandbox, vendor: ExportVendor, clock: ManualClock, wanted: Request
    ) -> None:
        first, second = ask_surely(vendor, clock, wanted, wanted)
        assert first.export.id == second.export.id
        assert count(sandbox, "POST") == len(sandbox.exports) == 1

    def test_beside_another_installation_takes_nothing_from_it(
        self, vendor: ExportVendor, clock: ManualClock, wanted: Request, tmp_path: Path
    ) -> None:
        (theirs,) = ask_surely(vendor, clock, wanted)
        other = request_for("second", wanted.record_type, MONTH, clock())
        (ours,) = ensure_asked(vendor, [other], Asker("second", clock(), DEADLINE), Outbox(tmp_path / "sending"))
        assert ours.created
        assert ours.export.id != theirs.export.id

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
        self, sandbox: Sandbox, vendor: ExportVendor, wanted: Request, kind: Fault, value: int | None
    ) -> None:
        sandbox.faults.inject(kind, on=Operation.CREATE, value=value)
        with pytest.raises(TransientError, match=r"^POST [^\n]+ try again later\.$"):
            vendor.ask(wanted)
        assert count(sandbox, "POST") == 1

    def test_is_never_repeated_after_a_tls_error_either(
        self, sandbox: Sandbox, vendor: ExportVendor, wanted: Request, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(connection: object) -> None:
            raise ssl.SSLError(1, "decryption failed or bad record mac")

        monkeypatch.setattr(urllib3.connection.HTTPConnection, "getresponse", broken)
        with pytest.raises(TransientError):
            vendor.ask(wanted)
        monkeypatch.undo()
        vendor.exports()  # The sandbox has read what was sent before by the time that it answers this.
        assert count(sandbox, "POST") <= 1
        assert len(sandbox.exports) <= 1

    def test_whose_answer_never_arrives_leaves_exactly_one_export(
        self, sandbox: Sandbox, vendor: ExportVendor, clock: ManualClock, wanted: Request
    ) -> None:
        sandbox.faults.inject(Fault.UNANSWERED, on=Operation.CREATE)
        (asked,) = ask_surely(vendor, clock, wanted)
        assert [export.id for export in sandbox.exports] == [asked.export.id]
        assert asked.created
        assert count(sandbox, "POST") == 1

    def test_that_was_not_heard_is_told_and_then_done_once(
        self, sandbox: Sandbox, vendor: ExportVendor, clock: ManualClock, wanted: Request
    ) -> None:
        sandbox.faults.inject(Fault.DROPPED, on=Operation.CREATE)
        with pytest.raises(TransientError):
            ask_surely(vendor, clock, wanted)
        assert sandbox.exports == []
        ask_surely(vendor, clock, wanted)
        assert len(sandbox.exports) == 1

    def test_after_a_crash_between_post_and_answer_adopts_what_was_created(
        self, case: Case, sandbox: Sandbox, vendor: ExportVendor, clock: ManualClock, wanted: Request
    ) -> None:
        sandbox.faults.inject(Fault.UNANSWERED, on=Operation.CREATE)
        with pytest.raises(TransientError):
            vendor.ask(wanted)
        after_restart = case.client(sandbox.url, KEY)
        (asked,) = ask_surely(after_restart, clock, wanted)
        assert not asked.created
        assert [export.id for export in sandbox.exports] == [asked.export.id]

    def test_is_not_done_where_the_list_cannot_be_read(
        self, sandbox: Sandbox, vendor: ExportVendor, clock: ManualClock, wanted: Request
    ) -> None:
        sandbox.faults.inject(Fault.BAD_GATEWAY, times=None, on=Operation.LIST)
        with pytest.raises(TransientError):
            ask_surely(vendor, clock, wanted)
        assert count(sandbox, "POST") == 0

    def test_is_given_up_after_three_exports_that_never_completed(
        self, sandbox: Sandbox, vendor: ExportVendor, clock: ManualClock, wanted: Request
    ) -> None:
        sandbox.faults.inject(Fault.STUCK, times=None)
        for _ in range(3):
            ask_surely(vendor, clock, wanted)
            clock.advance(DEADLINE + timedelta(seconds=1))
        with pytest.raises(PermanentError, match="3 exports did not complete"):
            ask_surely(vendor, clock, wanted)
        references = [export.external_reference_id for export in sandbox.exports]
        assert references == [wanted.reference, f"{wanted.reference}.2", f"{wanted.reference}.3"]

    def test_for_what_the_vendor_refuses_tells_its_reason(
        self, vendor: ExportVendor, clock: ManualClock, wanted: Request
    ) -> None:
        future = replace(wanted, end=clock() + timedelta(days=1))
        with pytest.raises(PermanentError, match=r"^POST [^\n]+HTTP 422\): filters - to must not be in the future\.$"):
            vendor.ask(future)

    def test_stops_at_the_month_that_is_refused_and_keeps_those_before_it(
        self, sandbox: Sandbox, vendor: ExportVendor, clock: ManualClock, wanted: Request, tmp_path: Path
    ) -> None:
        refused = replace(wanted, month=MONTH.shift(1), end=clock() + timedelta(days=1))
        asking = ensure_asked(vendor, [wanted, refused], Asker("main", clock(), DEADLINE), Outbox(tmp_path / "sending"))
        assert next(asking).request == wanted
        with pytest.raises(PermanentError):
            next(asking)
        assert len(sandbox.exports) == 1


class TestReading:
    @pytest.mark.parametrize(("kind", "value"), [(Fault.TOO_MANY_REQUESTS, 7), (Fault.TOO_MANY_REQUESTS, None)])
    def test_is_repeated_after_429_when_the_vendor_says_so(
        self, sandbox: Sandbox, vendor: ExportVendor, monkeypatch: pytest.MonkeyPatch, kind: Fault, value: int | None
    ) -> None:
        slept: list[float] = []
        monkeypatch.setattr(time, "sleep", slept.append)
        sandbox.faults.inject(kind, times=2, on=Operation.LIST, value=value)
        assert len(vendor.exports()) == FOREIGN
        assert [seconds for seconds in slept if seconds] == ([value] * 2 if value else [])
        assert [r.status for r in sandbox.requests] == [429, 429, 200]

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
        sandbox.faults.inject(Fault.BAD_GATEWAY, times=None, on=Operation.LIST)
        with pytest.raises(TransientError, match="HTTP 502"):
            vendor.exports()
        assert count(sandbox, "GET") == 5


class TestItsFiles:
    def test_are_served_whole_and_from_any_byte_on(self, sandbox: Sandbox, vendor: ExportVendor, ready: Export) -> None:
        with vendor.open(ready) as response:
            assert response.status_code == 200
            whole, etag = response.raw.read(decode_content=False), response.headers["ETag"]
        assert gzip.decompress(whole)
        with vendor.open(ready, 100, etag) as response:
            assert (response.status_code, response.raw.read(decode_content=False)) == (206, whole[100:])
        with vendor.open(ready, 100, '"another"') as response:
            assert (response.status_code, response.raw.read(decode_content=False)) == (200, whole)

    def test_are_asked_for_without_a_range_where_no_etag_could_guard_it(
        self, sandbox: Sandbox, vendor: ExportVendor, ready: Export
    ) -> None:
        vendor.open(ready, 100, "").close()
        assert "Range" not in sandbox.requests[-1].headers

    def test_that_are_gone_are_a_permanent_error(self, sandbox: Sandbox, vendor: ExportVendor, ready: Export) -> None:
        sandbox.faults.inject(Fault.FILE_GONE)
        with pytest.raises(PermanentError, match=r"^GET [^\n]+\(HTTP 404\)[^\n]+\.$"):
            vendor.open(ready)

    def test_that_shrank_below_what_was_read_are_fetched_anew_another_time(
        self, vendor: ExportVendor, ready: Export
    ) -> None:
        with vendor.open(ready) as response:
            etag = response.headers["ETag"]
        with pytest.raises(TransientError, match="HTTP 416"):
            vendor.open(ready, 10_000_000, etag)

    def test_behind_redirects_without_end_are_a_permanent_error(
        self, sandbox: Sandbox, vendor: ExportVendor, ready: Export
    ) -> None:
        sandbox.faults.inject(Fault.REDIRECT, times=None, value=ready.url)
        with pytest.raises(PermanentError, match=r"redirects without end; [^\n]+\.$"):
            vendor.open(ready)
        assert count(sandbox, "GET", ".csv.gz") == 5


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
        with pytest.raises(PermanentError, match="localhost"):
            vendor.open(ready)
        first, second = sandbox.requests[-2:]
        assert case.key_header in first.headers
        assert second.headers["Host"].startswith("localhost:")
        assert case.key_header not in second.headers

    def test_goes_to_no_other_host_that_the_url_names(
        self, case: Case, vendor: ExportVendor, ready: Export, serve: Serve
    ) -> None:
        elsewhere, seen = serve(lambda path: (200, {}, b"file"))
        with vendor.open(replace(ready, url=f"{elsewhere}/f.csv.gz"), 100, '"etag"') as response:
            assert response.raw.read() == b"file"
        assert len(seen) == 1
        assert_without_key(case, seen)

    def test_is_shown_again_where_another_host_sends_us_back(
        self, case: Case, sandbox: Sandbox, vendor: ExportVendor, ready: Export, serve: Serve
    ) -> None:
        elsewhere, seen = serve(lambda path: (302, {"Location": ready.url or ""}, b""))
        with vendor.open(replace(ready, url=f"{elsewhere}/f.csv.gz")) as response:
            assert response.status_code == 200
        assert_without_key(case, seen)
        assert case.key_header in sandbox.requests[-1].headers

    @pytest.mark.parametrize(
        "look_alike", ["http://127.0.0.1.example.com", "http://127.0.0.1@localhost", "//localhost"]
    )
    def test_goes_to_no_host_that_only_looks_like_the_vendors(
        self, case: Case, sandbox: Sandbox, vendor: ExportVendor, ready: Export, look_alike: str
    ) -> None:
        port = urlsplit(sandbox.url).port
        before = len(sandbox.requests)
        with pytest.raises((PermanentError, TransientError)):
            vendor.open(replace(ready, url=f"{look_alike}:{port}/v3/exports/f.csv.gz"))
        assert not any(case.key_header in r.headers for r in sandbox.requests[before:])

    @pytest.mark.parametrize("what", ["list", "ask", "download"])
    def test_is_named_where_it_is_refused_with_and_without_a_body(
        self, case: Case, sandbox: Sandbox, wanted: Request, ready: Export, what: str
    ) -> None:
        wrong = case.client(sandbox.url, "k-another")
        attempts: dict[str, Callable[[], object]] = {
            "list": wrong.exports,
            "ask": lambda: wrong.ask(wanted),
            "download": lambda: wrong.open(ready),
        }
        with pytest.raises(PermanentError, match=rf"^[^\n]+\(HTTP 401\)[^\n]+{case.key_setting}[^\n]+\.$"):
            attempts[what]()
        assert sandbox.requests[-1].status == 401

    def test_is_named_where_it_is_missing_before_anything_is_sent(self, case: Case, sandbox: Sandbox) -> None:
        with pytest.raises(PermanentError, match=rf"set {case.key_setting}\.$"):
            case.client(sandbox.url, "").exports()
        assert sandbox.requests == []

    @pytest.mark.parametrize("key", [KEY + "\n", KEY + "\r\nX-Other: 1", " " + KEY, KEY + "é", "\N{SNOWMAN}" + KEY])
    def test_that_cannot_be_sent_is_refused_without_being_shown(
        self, case: Case, sandbox: Sandbox, caplog: pytest.LogCaptureFixture, key: str
    ) -> None:
        with caplog.at_level(logging.DEBUG), pytest.raises(PermanentError, match=case.key_setting) as refused:
            case.client(sandbox.url, key).exports()
        assert KEY not in "".join(traceback.format_exception(refused.value)) + caplog.text
        assert sandbox.requests == []

    def test_is_in_no_text_about_the_vendor(self, vendor: ExportVendor) -> None:
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
            for attempt in (vendor.exports, lambda: vendor.ask(wanted), lambda: vendor.open(ready).close()):
                try:
                    attempt()
                except (PermanentError, TransientError) as error:
                    text += "".join(traceback.format_exception(error)) + repr(error) + repr(error.__cause__)
        assert caplog.records
        assert KEY not in text + caplog.text


def assert_without_key(case: Case, seen: list[tuple[str, str, dict[str, str]]]) -> None:
    assert seen
    for _, _, headers in seen:
        assert case.key_header.lower() not in headers
        assert not any(KEY in value for value in headers.values())
