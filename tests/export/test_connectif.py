"""What is Connectif's own: its words, its links, its fingerprint, and answers that only a scripted server gives."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from pipeline.dataset import Dataset
from pipeline.errors import BusyError, PermanentError, TransientError
from pipeline.export.connectif import Vendor
from pipeline.export.exactly_once import ExactlyOnce
from pipeline.export.in_flight import InFlight
from pipeline.export.protocol import Credentials, Export, Request, Status
from pipeline.export.requests import request_for, series
from pipeline.months import Month
from pipeline.normalise.connectif import table
from pipeline.normalise.convert import Converted, Origin, convert
from pipeline.sandbox import Fault, ManualClock, Operation
from pipeline.sandbox.connectif import Sandbox
from tests.export.test_in_flight import Remembered

KEY = "k-4711:secret"
OCTOBER = Month(2026, 10)
A_DAY = timedelta(days=1)
ACTIVITIES = Dataset(
    "visits",
    "connectif",
    "activities",
    fields={"id": "text", "date": "timestamptz", "quantity": "integer", "amount": "money", "contact": "text"},
    window="date",
)
PURCHASES = replace(ACTIVITIES, filters={"activityTypes": ["purchase", "cart"]}, options={"delimiter": ";"})
REPORT = Dataset(
    "sales",
    "connectif",
    "data-explorer",
    fields={"date": "timestamptz", "campaign": "text", "revenue": "money"},
    window="date",
    filters={"reportId": "r-1"},
)

Reply = tuple[int, dict[str, str], bytes]
Seen = list[tuple[str, str, dict[str, str]]]
Serve = Callable[[Callable[[str], Reply]], tuple[str, Seen]]


def client(origin: str) -> Vendor:
    return Vendor(Credentials(origin, SecretStr(KEY), "CONNECTIF_API_KEY"), backoff=0.0)


def october(dataset: Dataset) -> Request:
    return Request(dataset, OCTOBER, OCTOBER.start, OCTOBER.end, "cdr/main/visits/2026-10/day0")


def answered(content: object, status: int = 200) -> Reply:
    return status, {"Content-Type": "application/json"}, json.dumps(content).encode()


def page(*resources: dict[str, Any], **members: object) -> Reply:
    return answered({"results": resources} | members)


def linked(*ids: str, to: str | None = None) -> Reply:
    return page(*({"id": export_id} for export_id in ids), links={"next": to} if to else {})


def resource(export_id: str = "a", **members: object) -> dict[str, Any]:
    """As the documentation shows it."""
    return {
        "id": export_id,
        "exportType": "activities",
        "origin": "api",
        "status": "finished",
        "version": "v1",
        "createdAt": "2026-11-20T10:00:00.000Z",
        "dateFormat": "ISO",
        "delimiter": ",",
        "fileUrl": "https://storage.example/x.zip?sig=1",
        "filters": {"fromDate": "2026-10-01T00:00:00.000Z", "toDate": "2026-11-01T00:00:00.000Z"},
    } | members


def listed(serve: Serve, *resources: dict[str, Any]) -> list[Export]:
    origin, _ = serve(lambda path: page(*resources))
    return list(client(origin).exports())


class TestItsList:
    @pytest.mark.parametrize(
        "second",
        [
            (502, {"Content-Type": "text/html"}, b"<html>502 Bad Gateway</html>"),
            (200, {"Content-Type": "text/html"}, b"<html>Please sign in</html>"),
            (200, {}, b""),
            (200, {}, b'{"results": [{"id": "b", "st'),
            (200, {"Content-Length": "5000"}, linked("b")[2]),
            (200, {}, b"[]"),
            (200, {}, b"null"),
            (200, {}, b"{}"),
            (200, {}, b'{"results": null}'),
            (200, {}, b'{"results": {"id": "b"}}'),
            (200, {}, b'{"results": [7]}'),
            (200, {}, b'{"results": [{"status": "finished"}]}'),
            (429, {}, b""),
        ],
        ids=lambda second: f"{second[0]}-{second[2][:24]!r}",
    )
    def test_is_none_and_never_half_of_one_where_a_page_cannot_be_read(self, serve: Serve, second: Reply) -> None:
        origin, seen = serve(lambda path: second if "page=2" in path else linked("a", to="/exports?page=2"))
        with pytest.raises(TransientError, match=r"^[^\n]+ try again later\.$"):
            client(origin).exports()
        assert {path for _, path, _ in seen} == {"/exports", "/exports?page=2"}

    @pytest.mark.parametrize(
        "missing", [{}, {"links": None}, {"links": {}}, {"links": {"next": None}}, {"links": {"next": ""}}]
    )
    def test_of_one_page_has_no_next_and_is_read_once(self, serve: Serve, missing: dict[str, object]) -> None:
        origin, seen = serve(lambda path: page({"id": "a"}, {"id": "b"}, **missing))
        assert [export.id for export in client(origin).exports()] == ["a", "b"]
        assert len(seen) == 1

    def test_of_several_pages_is_what_two_readings_agree_on(self, serve: Serve) -> None:
        origin, seen = serve(lambda path: linked("b") if "page=2" in path else linked("a", to="/exports?page=2"))
        assert [export.id for export in client(origin).exports()] == ["a", "b"]
        assert [path for _, path, _ in seen] == ["/exports", "/exports?page=2"] * 2

    def test_is_read_again_where_an_export_went_and_another_slipped_past(self, serve: Serve) -> None:
        pages = iter([linked("a", "b", to="/exports?page=2"), linked("d")])  # "a" went meanwhile, "c" moved up
        after = {"/exports": linked("b", "c", to="/exports?page=2"), "/exports?page=2": linked("d")}
        origin, seen = serve(lambda path: next(pages, after[path]))
        assert [export.id for export in client(origin).exports()] == ["b", "c", "d"]
        assert len(seen) == 6

    def test_is_in_doubt_where_every_reading_is_another(self, serve: Serve) -> None:
        numbers = iter(range(100))
        origin, seen = serve(lambda path: linked(f"e{next(numbers)}", to="" if "page" in path else "/exports?page=2"))
        listed = client(origin).exports()
        assert [export.id for export in listed] == [f"e{n}" for n in range(6)]
        assert "other exports each time that it is read" in listed.doubt
        assert len(seen) == 6

    def test_does_not_loop_where_pages_lead_back_to_an_earlier_one(self, serve: Serve) -> None:
        origin, seen = serve(
            lambda path: linked("a", to=f"/exports?page={(int(path[-1]) % 3 if '=' in path else 0) + 1}")
        )
        with pytest.raises(TransientError, match="was read already"):
            client(origin).exports()
        assert len(seen) <= 4

    def test_shows_the_key_to_no_other_host_that_the_next_page_is_on(self, serve: Serve) -> None:
        elsewhere, seen = serve(lambda path: linked("b"))
        origin, _ = serve(lambda path: linked("a", to=f"{elsewhere}/exports?page=2"))
        with pytest.raises(PermanentError, match="another host"):
            client(origin).exports()
        assert seen == []

    def test_waits_until_the_instant_that_a_429_without_a_body_names(
        self, serve: Serve, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        slept: list[float] = []
        monkeypatch.setattr(time, "sleep", slept.append)
        answers = iter([(429, {"X-RateLimit-Reset": f"{int(time.time()) + 30}"}, b""), linked("a")])
        origin, _ = serve(lambda path: next(answers))
        assert len(client(origin).exports()) == 1
        assert [28 < seconds <= 30 for seconds in slept] == [True]

    def test_is_repeated_at_once_after_other_trouble_whatever_the_rate_limit_says(
        self, serve: Serve, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        slept: list[float] = []
        monkeypatch.setattr(time, "sleep", slept.append)
        answers = iter([(503, {"X-RateLimit-Reset": f"{int(time.time()) + 30}"}, b""), linked("a")])
        origin, _ = serve(lambda path: next(answers))
        assert len(client(origin).exports()) == 1
        assert not any(slept)

    def test_is_asked_for_with_the_key_and_not_with_what_netrc_says(
        self, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "netrc").write_text("default login someone password else\n", encoding="ascii")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        origin, seen = serve(lambda path: linked("a"))
        client(origin).exports()
        assert seen[0][2]["authorization"] == f"apiKey {KEY}"


class TestAnExport:
    def test_may_lack_everything_but_its_id(self, serve: Serve) -> None:
        (export,) = listed(serve, {"id": "a"})
        assert (export.status, export.ready, export.url) == (Status.UNKNOWN, False, None)
        assert (export.resource, export.start, export.end) == ("", None, None)
        assert export.created_at == datetime.min.replace(tzinfo=UTC)

    @pytest.mark.parametrize("odd", [None, [], 7, "x", {"fromDate": 7, "toDate": ["x"]}])
    def test_of_odd_filters_does_not_hide_the_others(self, serve: Serve, odd: object) -> None:
        exports = listed(serve, resource("a", filters=odd, createdAt="0001-01-01T00:00:00+14:00"), resource("b"))
        assert [(export.id, export.start) for export in exports] == [("a", None), ("b", OCTOBER.start)]

    @pytest.mark.parametrize(
        ("said", "status"),
        [
            ("queued", Status.PENDING),
            ("inProgress", Status.PROCESSING),
            ("Finished", Status.COMPLETED),
            ("error", Status.FAILED),
            ("cancelled", Status.FAILED),
            ("archiving", Status.UNKNOWN),
            ("", Status.UNKNOWN),
            (None, Status.UNKNOWN),
        ],
    )
    def test_says_how_far_it_is_in_any_case_of_letters(self, serve: Serve, said: str | None, status: Status) -> None:
        (export,) = listed(serve, resource(status=said))
        assert export.status is status
        assert export.ready == (status is Status.COMPLETED)
        assert export.vendor_status == (said or "no status")

    @pytest.mark.parametrize("count", [0, 5000])
    def test_says_how_many_records_it_holds_once_it_is_finished(self, serve: Serve, count: int) -> None:
        running = resource("b", status="inProgress", progress=0, total=count)
        exports = listed(serve, resource("a", progress=count, total=count), running)
        assert [export.records for export in exports] == [count, None]

    @pytest.mark.parametrize("odd", [None, "", "1500", -1, True, 1500.0, 2**63, []])
    def test_that_says_no_number_of_records_says_none(self, serve: Serve, odd: object) -> None:
        assert [export.records for export in listed(serve, resource(total=odd), resource("b"))] == [None, None]

    def test_has_an_address_of_its_own_whatever_its_id_is(self, serve: Serve) -> None:
        (export,) = listed(serve, resource("a/b?c"))
        assert str(export.url).endswith("/exports/a%2Fb%3Fc")

    def test_shows_the_window_that_was_asked_for(self, serve: Serve) -> None:
        (export,) = listed(serve, resource())
        assert (export.start, export.end) == (OCTOBER.start, OCTOBER.end)
        assert export.created_at == datetime(2026, 11, 20, 10, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("first", "last", "window"),
        [
            ("2026-10-01", "2026-10-31", (OCTOBER.start, OCTOBER.end)),
            ("2026-11-01", "2026-11-20", (OCTOBER.end, None)),
            ("2026-09-30T22:00:00.000Z", "2026-10-31T22:59:59.999Z", (None, None)),
            ("2026-10-01", None, (OCTOBER.start, None)),
        ],
    )
    def test_of_whole_days_has_the_last_of_them_in_it_once_that_is_over(
        self, serve: Serve, first: str, last: str | None, window: tuple[datetime | None, datetime | None]
    ) -> None:
        days = {"fromDate": first, "toDate": last, "reportId": "r-1"}
        (export,) = listed(serve, resource(exportType="data-explorer", filters=days))
        assert (export.start, export.end) == window


class TestItsFingerprint:
    @pytest.mark.parametrize(
        "echo",
        [
            {},
            {"filters": None},
            {"filters": {"activityTypes": [], "segmentId": None}},
            {"version": None},
            {"createdAt": "2020-01-01T00:00:00Z", "filters": {"fromDate": "2020-01-01", "toDate": "2020-01-31"}},
        ],
    )
    def test_is_that_of_the_dataset(self, serve: Serve, echo: dict[str, Any]) -> None:
        (export,) = listed(serve, resource(**echo))
        assert client("http://127.0.0.1").holds(export, ACTIVITIES)

    @pytest.mark.parametrize(
        "echo",
        [
            {"origin": "app"},
            {"exportType": "contacts"},
            {"delimiter": ";"},
            {"dateFormat": "LL"},
            {"version": "v2"},
            {"filters": {"activityTypes": ["purchase"]}},
            {"filters": {"segmentId": "s-1"}},
        ],
    )
    def test_is_not_that_of_an_export_of_somebody_else(self, serve: Serve, echo: dict[str, Any]) -> None:
        (export,) = listed(serve, resource(**echo))
        assert not client("http://127.0.0.1").holds(export, ACTIVITIES)

    def test_looks_at_what_is_in_a_filter_and_not_at_its_order(self, serve: Serve) -> None:
        same, fewer, none = listed(
            serve,
            resource("a", delimiter=";", filters={"activityTypes": ["cart", "purchase"], "toDate": "2026-11-01"}),
            resource("b", delimiter=";", filters={"activityTypes": ["cart"]}),
            resource("c", delimiter=";", filters=None),
        )
        assert [client("http://127.0.0.1").holds(export, PURCHASES) for export in (same, fewer, none)] == [
            True,
            False,
            False,
        ]

    def test_of_a_report_is_its_id_whatever_else_is_repeated(self, serve: Serve) -> None:
        same, other = listed(
            serve,
            resource("a", exportType="data-explorer", version="v6", dateFormat="L", filters={"reportId": "r-1"}),
            resource("b", exportType="data-explorer", filters={"reportId": "r-2"}),
        )
        assert [client("http://127.0.0.1").holds(export, REPORT) for export in (same, other)] == [True, False]


class TestAsking:
    @pytest.mark.parametrize("kind", ["contacts", "banner-stats", "webhooks-execution-logs"])
    def test_for_what_has_no_months_is_refused_before_anything_is_sent(self, serve: Serve, kind: str) -> None:
        origin, seen = serve(lambda path: answered(resource(), 201))
        with pytest.raises(
            PermanentError, match=rf"^{kind} was not requested, because Connectif [^\n]+ data-explorer\.$"
        ):
            client(origin).request(october(replace(ACTIVITIES, resource=kind)))
        assert seen == []

    def test_at_a_full_queue_is_put_off(self, serve: Serve) -> None:
        detail = "You have reached the limit of 5 queued exports. Please try again when any has been completed."
        full = {"status": 400, "title": "Bad Request", "detail": detail, "code": "E0301"}
        origin, seen = serve(lambda path: answered(full, 400))
        with pytest.raises(BusyError, match=r"^POST [^\n]+ was put off \(You have reached [^\n]+; try again later\.$"):
            client(origin).request(october(ACTIVITIES))
        assert len(seen) == 1

    @pytest.mark.parametrize(
        ("status", "body", "reason"),
        [
            (400, {"title": "Bad Request", "detail": "No.", "code": "E0999"}, r"No\."),
            (400, {"title": "Bad Request"}, r"Bad Request\."),
            (415, {"nothing": 1}, r"the answer gives no reason that can be read\."),
            (400, "E0301", r"the answer gives no reason that can be read\."),
            (
                422,
                {"detail": "Invalid", "validationErrors": [{"path": "filters.toDate", "reason": "is too late"}]},
                r"Invalid; filters\.toDate is too late\.",
            ),
        ],
    )
    def test_for_what_is_refused_tells_the_reason(self, serve: Serve, status: int, body: object, reason: str) -> None:
        origin, _ = serve(lambda path: answered(body, status))
        with pytest.raises(PermanentError, match=rf"^POST [^\n]+ was refused \(HTTP {status}\): {reason}$"):
            client(origin).request(october(ACTIVITIES))

    def test_with_a_key_that_is_refused_without_a_body_names_its_setting(self, serve: Serve) -> None:
        origin, _ = serve(lambda path: (401, {}, b""))
        with pytest.raises(PermanentError, match="check CONNECTIF_API_KEY"):
            client(origin).request(october(ACTIVITIES))

    @pytest.mark.parametrize("reply", [(429, {}, b""), (201, {}, b'{"id": "a"'), answered({"exportType": "x"}, 201)])
    def test_whose_answer_cannot_be_read_leaves_open_what_was_done(self, serve: Serve, reply: Reply) -> None:
        origin, seen = serve(lambda path: reply)
        with pytest.raises(TransientError):
            client(origin).request(october(ACTIVITIES))
        assert len(seen) == 1


class TestItsFiles:
    def test_are_fetched_from_an_address_of_this_very_moment_and_without_the_key(self, serve: Serve) -> None:
        addresses = iter(range(100))
        storage, fetched = serve(lambda path: (200, {"ETag": '"1"'}, b"PK"))
        origin, seen = serve(lambda path: answered(resource(fileUrl=f"{storage}/x.zip?sig={next(addresses)}")))
        vendor = client(origin)
        export = Export("a/b", "activities", Status.COMPLETED, OCTOBER.end, url=f"{origin}/exports/a%2Fb")
        for _ in range(2):
            vendor.open(export, 1, '"1"').close()
        assert [path for _, path, _ in seen] == ["/exports/a%2Fb"] * 2
        assert [path for _, path, _ in fetched] == ["/x.zip?sig=0", "/x.zip?sig=1"]
        assert all("authorization" not in headers and headers["range"] == "bytes=1-" for _, _, headers in fetched)

    def test_are_fetched_without_the_key_from_the_vendors_own_host_too(self, serve: Serve) -> None:
        minted = answered(resource(fileUrl="/files/x.zip?sig=1"))
        origin, seen = serve(lambda path: (200, {}, b"PK") if "sig" in path else minted)
        client(origin).open(replace(listed(serve, resource())[0], url=f"{origin}/exports/a")).close()
        assert ["authorization" in headers for _, _, headers in seen] == [True, False]

    def test_behind_an_address_that_has_run_out_are_fetched_another_time(self, serve: Serve) -> None:
        origin, _ = serve(lambda path: (403, {}, b"") if "sig" in path else answered(resource(fileUrl="/x?sig=1")))
        with pytest.raises(TransientError, match=r"\(HTTP 403\): the address has expired; try again later\.$"):
            client(origin).open(replace(listed(serve, resource())[0], url=f"{origin}/exports/a"))

    @pytest.mark.parametrize("now", [{"fileUrl": None}, {"fileUrl": ""}, {"status": "error", "fileUrl": None}])
    def test_that_are_not_there_yet_are_not_there_yet(self, serve: Serve, now: dict[str, Any]) -> None:
        origin, _ = serve(lambda path: answered(resource(**now)))
        for url in (None, f"{origin}/exports/a"):
            with pytest.raises(TransientError, match=r"^Export a has no file yet; try again later\.$"):
                client(origin).open(replace(listed(serve, resource())[0], url=url))

    def test_of_an_export_that_lists_none_is_not_ready(self, serve: Serve) -> None:
        without, with_one = listed(serve, resource("a", fileUrl=None), resource("b"))
        assert (without.ready, with_one.ready) == (False, True)


def test_skew_is_that_of_the_vendor(serve: Serve) -> None:
    vendor = client(serve(lambda path: linked("a"))[0])
    vendor.exports()
    skew = vendor.skew()
    assert skew is not None
    assert abs(skew) < timedelta(seconds=5)


class TestWithTheLocalVendor:
    @pytest.fixture
    def sandbox(self, clock: ManualClock) -> Iterator[Sandbox]:
        nothing = timedelta(0)
        with Sandbox(
            clock=clock, api_key=KEY, rows_per_day=4, rate_limit=None, pending=nothing, processing=nothing
        ) as running:
            yield running

    @pytest.fixture
    def ready(self, sandbox: Sandbox) -> Export:
        return made(sandbox, ACTIVITIES)

    @pytest.mark.parametrize(
        ("dataset", "path", "body"),
        [
            (
                PURCHASES,
                "/exports/",
                {
                    "exportType": "activities",
                    "delimiter": ";",
                    "dateFormat": "ISO",
                    "version": "v1",
                    "filters": {
                        "activityTypes": ["purchase", "cart"],
                        "fromDate": "2026-10-01T00:00:00.000Z",
                        "toDate": "2026-11-01T00:00:00.000Z",
                    },
                },
            ),
            (
                REPORT,
                "/exports/type/data-explorer",
                {
                    "delimiter": ",",
                    "filters": {"reportId": "r-1", "fromDate": "2026-10-01", "toDate": "2026-10-31"},
                },
            ),
        ],
        ids=["activities", "report"],
    )
    def test_a_post_says_what_is_documented(
        self, sandbox: Sandbox, dataset: Dataset, path: str, body: dict[str, Any]
    ) -> None:
        client(sandbox.url).request(october(dataset))
        (sent,) = sandbox.requests
        assert (sent.method, sent.path, json.loads(sent.body)) == ("POST", path, body)
        assert sent.headers["Content-Type"] == "application/json"

    @pytest.mark.parametrize("dataset", [ACTIVITIES, PURCHASES, REPORT], ids=["activities", "purchases", "report"])
    def test_an_export_is_known_again_and_no_foreign_one_is_of_its_time(
        self, sandbox: Sandbox, clock: ManualClock, dataset: Dataset
    ) -> None:
        export = made(sandbox, dataset)
        held = [e for e in client(sandbox.url).exports() if client(sandbox.url).holds(e, dataset)]
        assert [e.id for e in held if abs(e.created_at - clock()) < timedelta(minutes=1)] == [export.id]
        assert (export.start, export.end) == (OCTOBER.start, OCTOBER.end)

    @pytest.mark.parametrize("days_as_timestamps", [False, True])
    @pytest.mark.parametrize("dataset", [ACTIVITIES, PURCHASES, REPORT], ids=["activities", "purchases", "report"])
    @pytest.mark.parametrize("month", [OCTOBER, OCTOBER.shift(1)], ids=["over", "running"])
    def test_a_post_whose_answer_was_lost_is_found_again(
        self, clock: ManualClock, dataset: Dataset, month: Month, days_as_timestamps: bool, tmp_path: Path
    ) -> None:
        with Sandbox(clock=clock, api_key=KEY, rows_per_day=0, days_as_timestamps=days_as_timestamps) as sandbox:
            sandbox.faults.inject(Fault.UNANSWERED, on=Operation.CREATE)
            vendor = client(sandbox.url)
            wanted = request_for(series("main", dataset), dataset, month, clock())
            once = ExactlyOnce("main", vendor, dataset, clock(), A_DAY, InFlight(tmp_path / "sending"), Remembered())
            once.read()
            asked = once.ensure(wanted)
            assert [export.id for export in sandbox.exports] == [asked.export.id]
        assert (asked.export.reference, asked.export.start, asked.export.end) == (
            wanted.reference,
            wanted.start,
            wanted.end,
        )

    def test_a_full_queue_takes_the_next_once_one_has_moved_on(self, clock: ManualClock) -> None:
        with Sandbox(clock=clock, api_key=KEY, rows_per_day=0, foreign=0, rate_limit=None) as sandbox:
            vendor = client(sandbox.url)
            for _ in range(5):
                vendor.request(october(ACTIVITIES))
            with pytest.raises(BusyError):
                vendor.request(october(ACTIVITIES))
            clock.advance(timedelta(seconds=1))
            vendor.request(october(ACTIVITIES))
            assert len(sandbox.exports) == 6

    def test_a_file_is_opened_however_long_ago_it_was_listed(
        self, sandbox: Sandbox, clock: ManualClock, ready: Export
    ) -> None:
        clock.advance(timedelta(days=3))
        with client(sandbox.url).open(ready) as response:
            assert response.raw.read(2) == b"PK"

    def test_an_address_that_ran_out_in_our_hands_is_minted_again(self, sandbox: Sandbox, ready: Export) -> None:
        sandbox.faults.inject(Fault.POINTER_EXPIRED)
        with pytest.raises(TransientError, match="has expired"):
            client(sandbox.url).open(ready)
        client(sandbox.url).open(ready).close()

    @pytest.mark.parametrize("kind", [Fault.LIST_GROWS, Fault.LIST_SHRINKS])
    def test_no_export_slips_past_where_pages_shift(self, clock: ManualClock, kind: Fault) -> None:
        with Sandbox(clock=clock, api_key=KEY, rows_per_day=0, foreign=120, rate_limit=None) as sandbox:
            fault = sandbox.faults.inject(kind)
            ids = {export.id for export in client(sandbox.url).exports()}
            assert ids == {export.id for export in sandbox.account.all()}
            assert (fault.hits, len(sandbox.requests)) == (1, 6 if kind is Fault.LIST_GROWS else 9)

    def test_a_limited_list_is_read_when_the_header_says_so(
        self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        slept: list[float] = []
        monkeypatch.setattr(time, "sleep", slept.append)
        sandbox.faults.inject(Fault.TOO_MANY_REQUESTS, on=Operation.LIST, value=20)
        client(sandbox.url).exports()
        assert [18 < seconds <= 20 for seconds in slept] == [True]

    @pytest.mark.parametrize("dataset", [ACTIVITIES, PURCHASES, REPORT], ids=["activities", "purchases", "report"])
    def test_every_cell_of_a_file_is_typed(self, sandbox: Sandbox, dataset: Dataset, tmp_path: Path) -> None:
        loaded = converted(sandbox, made(sandbox, dataset), dataset, tmp_path)
        truth = sandbox.truth(dataset.resource, OCTOBER.start, OCTOBER.end)
        assert loaded.loaded.rows == truth.rows > 100
        assert loaded.loaded.sums == {
            name: total for name, total in truth.sums.items() if name in ("amount", "revenue")
        }
        assert (loaded.rejected.rows, loaded.outside_month, loaded.left_out) == (0, 0, 0)
        assert set(loaded.extras) == set(Sandbox.fields[dataset.resource]) - set(dataset.fields) - {"channel"}

    def test_an_activity_at_the_very_end_is_left_to_the_next_month(self, sandbox: Sandbox, tmp_path: Path) -> None:
        nothing = dict.fromkeys(Sandbox.fields["activities"])
        sandbox.add_records("activities", [{**nothing, "id": "z", "date": OCTOBER.end}])
        late = replace(october(ACTIVITIES), end=OCTOBER.end + timedelta(milliseconds=1), start=OCTOBER.start + A_DAY)
        loaded = converted(sandbox, made(sandbox, ACTIVITIES, late), ACTIVITIES, tmp_path)
        assert (loaded.left_out > 0, loaded.outside_month) == (True, 0)

    def test_dates_that_name_no_zone_are_refused(self) -> None:
        with pytest.raises(
            PermanentError, match=r"^Export visits asks for dates as LLL, [^\n]+ set dateFormat to ISO\.$"
        ):
            table(replace(ACTIVITIES, options={"dateFormat": "LLL"}))


def made(sandbox: Sandbox, dataset: Dataset, request: Request | None = None) -> Export:
    """An export that is ready, as the list shows it."""
    vendor = client(sandbox.url)
    asked = vendor.request(request or october(dataset))
    return next(export for export in vendor.exports() if export.id == asked.id)


def converted(sandbox: Sandbox, export: Export, dataset: Dataset, folder: Path) -> Converted:
    file = folder / "served.zip"
    with client(sandbox.url).open(export) as response:
        file.write_bytes(response.raw.read(decode_content=False))
    origin = Origin(dataset.name, OCTOBER, export.id)
    return convert(file, origin, table(dataset), folder / "rows.parquet", folder / "rejects.parquet")
