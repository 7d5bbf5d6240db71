"""What is Rebilly's own: two bases, a list that reaches 2,000 deep, links by rel, problems, an epoch to wait for."""

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from pipeline.dataset import Dataset
from pipeline.errors import GoneError, PermanentError, TransientError
from pipeline.export.protocol import Credentials, Export, Request, Status
from pipeline.export.rebilly import URL, Vendor
from pipeline.months import Month
from pipeline.sandbox import Fault, ManualClock
from pipeline.sandbox.rebilly import Sandbox

KEY = "sk_live_4711"
BASE = "/experimental/organizations/org_1"
OTHER_BASE = "/organizations/org_1/experimental"
OCTOBER = Month(2026, 10)
SALES = Dataset(
    "rebilly_sales",
    "rebilly",
    "transactions",
    fields={"id": "text", "amount": "money", "processedTime": "timestamptz"},
    window="processedTime",
    filters={"filter": "type:sale;result:approved,declined"},
    options={"format": "detailed-csv"},
)
WANTED = Request(SALES, OCTOBER, OCTOBER.start, OCTOBER.end, "cdr/main/rebilly_sales/2026-10/day0")
NEWEST = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

Reply = tuple[int, dict[str, str], bytes]
Serve = Callable[[Callable[[str], Reply]], tuple[str, list[tuple[str, str, dict[str, str]]]]]


def client(origin: str, base: str = BASE) -> Vendor:
    return Vendor(Credentials(f"{origin}{base}", SecretStr(KEY), "REBILLY_API_KEY"), backoff=0.0)


def answer(content: object, status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, {"Content-Type": "application/json", **named}, json.dumps(content).encode()


def listing(*exports: dict[str, Any], total: int | None = None) -> Reply:
    return answer(list(exports), Pagination_Total=str(len(exports) if total is None else total))


def link(rel: str, href: str) -> dict[str, str]:
    return {"rel": rel, "href": href}


def asked(path: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}


def shelf(moments: list[datetime], *, heeds_filters: bool = True, to_the_end: bool = True) -> Callable[[str], Reply]:
    """A vendor's list of exports created then, as documented: offset and limit at most 1000, ranges of createdTime."""
    newest_first = sorted(enumerate(moments), key=lambda item: item[1], reverse=True)

    def reply(path: str) -> Reply:
        query = asked(path)
        offset, limit = int(query["offset"]), int(query["limit"])
        assert max(offset, limit) <= 1000
        assert query["sort"] == "-createdTime"
        until = query.get("filter", "createdTime:..9999-12-31T00:00:00Z").removeprefix("createdTime:..")
        last = datetime.fromisoformat(until) if heeds_filters else datetime.max.replace(tzinfo=UTC)
        within = [(n, at) for n, at in newest_first if at < last or (to_the_end and at == last)]
        page = [{"id": f"e{n}", "createdTime": at.isoformat()} for n, at in within[offset : offset + limit]]
        return listing(*page, total=len(within))

    return reply


@pytest.mark.parametrize("base", [BASE, OTHER_BASE, f"{BASE}/"])
def test_both_forms_of_the_base_are_asked_as_they_stand(serve: Serve, base: str) -> None:
    export = {"id": "exp_1", "createdTime": "2026-11-21T00:05:00Z"}
    origin, seen = serve(lambda path: listing(export) if "?" in path else answer(export, 201))
    client(origin, base).exports()
    client(origin, base).request(WANTED)
    assert [(method, urlsplit(path).path) for method, path, _ in seen] == [
        ("GET", f"{base.rstrip('/')}/data-exports"),
        ("POST", f"{base.rstrip('/')}/data-exports"),
    ]
    assert {headers["reb-apikey"] for _, _, headers in seen} == {KEY}


def test_an_address_without_an_organization_is_refused_before_the_key_goes_there() -> None:
    vendor = Vendor(Credentials(URL, SecretStr(KEY), "REBILLY_API_KEY"))
    with pytest.raises(PermanentError, match=r"set REBILLY_API_URL to https://api\.rebilly\.com/[^\n]+\.$"):
        vendor.exports()


@pytest.mark.parametrize("format_", ["json", "xml", "pdf", "json-api"])
def test_a_format_that_cannot_be_read_is_refused_before_it_is_asked_for(serve: Serve, format_: str) -> None:
    origin, seen = serve(lambda path: answer({}))
    with pytest.raises(PermanentError, match=rf"rebilly_sales asks for {format_}, and only csv and detailed-csv"):
        client(origin).request(replace(WANTED, dataset=replace(SALES, options={"format": format_})))
    assert seen == []


class TestTheLocalVendor:
    """What only shows where both sides speak."""

    @pytest.fixture
    def sandbox(self, clock: ManualClock) -> Iterator[Sandbox]:
        at_once: dict[str, Any] = {"pending": timedelta(0), "processing": timedelta(0), "rate_limit": None}
        with Sandbox(rows_per_day=20, clock=clock, api_key=KEY, part_records=100, **at_once) as running:
            yield running

    @pytest.fixture
    def vendor(self, sandbox: Sandbox) -> Vendor:
        return Vendor(Credentials(sandbox.url, SecretStr(KEY), "REBILLY_API_KEY"), backoff=0.0)

    def test_is_asked_in_the_words_that_are_documented(self, sandbox: Sandbox, vendor: Vendor) -> None:
        made = vendor.request(WANTED)
        assert json.loads(sandbox.requests[-1].body) == {
            "name": "cdr/main/rebilly_sales/2026-10/day0",
            "resource": "transactions",
            "format": "detailed-csv",
            "arguments": {"filter": "type:sale;result:approved,declined"},
            "dateRange": {
                "start": "2026-10-01T00:00:00Z",
                "end": "2026-11-01T00:00:00Z",
                "field": "processedTime",
            },
            "fields": ["id", "amount", "processedTime"],
        }
        listed = {export.id: export for export in vendor.exports()}
        assert (made.status, listed[made.id].status) == (Status.PENDING, Status.COMPLETED)
        assert [export.id for export in listed.values() if vendor.holds(export, SALES)] == [made.id]
        assert (listed[made.id].reference, listed[made.id].end) == (WANTED.reference, OCTOBER.end)

    def test_serves_parts_that_are_read_whole_from_any_byte_on(self, vendor: Vendor) -> None:
        asked_for = vendor.request(WANTED).id
        export = next(export for export in vendor.exports() if export.id == asked_for)
        with vendor.open(export) as response:
            whole, etag = response.raw.read(), response.headers["ETag"]
        assert len(zipfile.ZipFile(io.BytesIO(whole)).namelist()) > 2
        with vendor.open(export, 100, etag) as response:
            assert (response.status_code, response.raw.read()) == (206, whole[100:])

    @pytest.mark.parametrize("kind", [Fault.LIST_GROWS, Fault.LIST_SHRINKS])
    def test_lists_every_export_beyond_its_reach_although_pages_shift(self, clock: ManualClock, kind: Fault) -> None:
        with Sandbox(rows_per_day=0, clock=clock, api_key=KEY, foreign=2100, rate_limit=None) as crowded:
            vendor = Vendor(Credentials(crowded.url, SecretStr(KEY), "REBILLY_API_KEY"), backoff=0.0)
            crowded.faults.inject(kind, times=1)
            ids = [export.id for export in vendor.exports()]
            assert {export.id for export in crowded.account.all()} <= set(ids)
            assert len(ids) == len(set(ids))

    def test_is_in_doubt_where_the_next_page_is_the_first_again(self, clock: ManualClock) -> None:
        with Sandbox(rows_per_day=0, clock=clock, api_key=KEY, foreign=1001, rate_limit=None) as crowded:
            crowded.faults.inject(Fault.ENDLESS_NEXT, times=None)
            vendor = Vendor(Credentials(crowded.url, SecretStr(KEY), "REBILLY_API_KEY"), backoff=0.0)
            assert "counts 1001 exports and shows 1000" in vendor.exports().doubt


class TestTheList:
    @pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 2000])
    def test_within_reach_is_read_by_offsets_alone(self, serve: Serve, count: int) -> None:
        origin, seen = serve(shelf([NEWEST - timedelta(minutes=n) for n in range(count)]))
        assert [export.id for export in client(origin).exports()] == [f"e{n}" for n in range(count)]
        assert not any("filter" in path for _, path, _ in seen)

    @pytest.mark.parametrize("to_the_end", [True, False])
    @pytest.mark.parametrize("step", [1, 60])
    def test_beyond_reach_is_whole_too(self, serve: Serve, step: float, *, to_the_end: bool) -> None:
        moments = [NEWEST - timedelta(seconds=step * n) for n in range(4501)]
        origin, seen = serve(shelf(moments, to_the_end=to_the_end))
        assert [export.id for export in client(origin).exports()] == [f"e{n}" for n in range(4501)]
        assert len(seen) == 5

    @pytest.mark.parametrize("to_the_end", [True, False])
    def test_beyond_reach_is_whole_where_several_came_in_one_second(self, serve: Serve, *, to_the_end: bool) -> None:
        moments = [NEWEST - timedelta(seconds=n // 3) for n in range(2500)]  # the 1999th to the 2001st are as old
        origin, _ = serve(shelf(moments, to_the_end=to_the_end))
        assert len(client(origin).exports()) == 2500

    def test_beyond_reach_is_in_doubt_where_the_filter_is_not_heeded(self, serve: Serve) -> None:
        moments = [NEWEST - timedelta(seconds=n) for n in range(2001)]
        origin, seen = serve(shelf(moments, heeds_filters=False))
        assert "counts 2001 exports and shows 2000" in client(origin).exports().doubt
        assert len(seen) == 2 * 4

    def test_beyond_reach_is_no_list_where_the_filter_is_refused(self, serve: Serve) -> None:
        whole = shelf([NEWEST - timedelta(seconds=n) for n in range(2001)])
        refusal = answer({"title": "Bad filter", "status": 400}, 400)
        origin, _ = serve(lambda path: refusal if "filter=" in path else whole(path))
        with pytest.raises(PermanentError, match=r"\(HTTP 400\): Bad filter\.$"):
            client(origin).exports()

    def test_beyond_reach_is_in_doubt_where_too_many_came_at_once(self, serve: Serve) -> None:
        origin, _ = serve(shelf([NEWEST] * 2001))
        assert "counts 2001 exports and shows 2000" in client(origin).exports().doubt

    def test_is_read_on_where_a_page_is_shorter_than_asked_for(self, serve: Serve) -> None:
        whole = shelf([NEWEST - timedelta(minutes=n) for n in range(250)])
        origin, seen = serve(lambda path: whole(path.replace("limit=1000", "limit=100")))
        assert len(client(origin).exports()) == 250
        assert len(seen) == 3

    @pytest.mark.parametrize("total", [None, "", "many", "-1", "1.5"])
    def test_that_does_not_say_how_long_it_is_is_no_list(self, serve: Serve, total: str | None) -> None:
        headers = {} if total is None else {"Pagination_Total": total}
        origin, _ = serve(lambda path: answer([{"id": "a"}], 200, **headers))
        with pytest.raises(TransientError, match=r"does not say how many exports there are; try again later\.$"):
            client(origin).exports()

    def test_that_is_longer_than_its_pages_is_read_again_and_then_in_doubt(self, serve: Serve) -> None:
        origin, seen = serve(lambda path: listing({"id": "a"}, total=2) if "offset=0" in path else listing(total=2))
        assert "counts 2 exports and shows 1" in client(origin).exports().doubt
        assert len(seen) == 2 * 2

    @pytest.mark.parametrize(
        "second",
        [
            (200, {"Content-Type": "text/html"}, b"<html>Please sign in</html>"),
            (200, {"Pagination-Total": "1500"}, b""),
            (200, {"Pagination-Total": "1500"}, b'[{"id": "b", "na'),
            (200, {"Pagination-Total": "1500", "Content-Length": "5000"}, b"[]"),
            (200, {"Pagination-Total": "1500"}, b"{}"),
            (200, {"Pagination-Total": "1500"}, b"null"),
            (200, {"Pagination-Total": "1500"}, b"[7]"),
            (200, {"Pagination-Total": "1500"}, b'[{"status": "completed"}]'),
            (502, {}, b"<html>502</html>"),
            (429, {}, b'{"title":"Rate Limit Exceeded","status":429}'),
        ],
        ids=lambda second: f"{second[0]}-{second[2][:20]!r}",
    )
    def test_with_an_unreadable_second_page_is_no_list(self, serve: Serve, second: Reply) -> None:
        first = shelf([NEWEST - timedelta(minutes=n) for n in range(1500)])
        origin, _ = serve(lambda path: second if "offset=1000" in path else first(path))
        with pytest.raises(TransientError, match=r"^[^\n]+ try again later\.$"):
            client(origin).exports()


class TestAnExport:
    def one(self, serve: Serve, **members: object) -> Export:
        origin, _ = serve(lambda path: listing({"id": "exp_1", **members}))
        (export,) = client(origin).exports()
        return export

    def test_may_lack_everything_but_its_id(self, serve: Serve) -> None:
        export = self.one(serve)
        assert (export.id, export.status, export.ready) == ("exp_1", Status.UNKNOWN, False)
        assert (export.url, export.reference, export.start, export.end) == (None, None, None, None)
        assert export.created_at == datetime.min.replace(tzinfo=UTC)

    @pytest.mark.parametrize("nothing", [None, "", 7, [], [None], {"rel": "download"}, [{"rel": "download"}]])
    def test_of_others_is_read_whatever_it_holds(self, serve: Serve, nothing: object) -> None:
        names = [
            "_links",
            "dateRange",
            "format",
            "arguments",
            "fields",
            "name",
            "status",
            "createdTime",
            "failureReason",
        ]
        assert self.one(serve, **dict.fromkeys(names, nothing)).url is None

    def test_of_others_is_read_although_its_links_are_none(self, serve: Serve) -> None:
        links = [link("download", "http://["), link("signedLink", "http://[")]
        assert self.one(serve, status="completed", _links=links).ready

    @pytest.mark.parametrize(
        ("said", "status"),
        [
            ("pending", Status.PENDING),
            ("queued", Status.PENDING),
            ("processing", Status.PROCESSING),
            ("completed", Status.COMPLETED),
            ("Failed", Status.FAILED),
            ("archived", Status.UNKNOWN),
            (None, Status.UNKNOWN),
        ],
    )
    def test_has_the_status_of_its_word(self, serve: Serve, said: str | None, status: Status) -> None:
        export = self.one(serve, status=said)
        assert (export.status, export.vendor_status) == (status, said or "no status")

    @pytest.mark.parametrize("why", ["record-limit-exceeded", "max-retries-reached"])
    def test_that_failed_says_why(self, serve: Serve, why: str) -> None:
        export = self.one(serve, status="failed", failureReason=why, fileId=None)
        assert (export.status, export.vendor_status) == (Status.FAILED, f"failed: {why}")

    @pytest.mark.parametrize("count", [0, 1500])
    def test_says_how_many_records_it_holds_once_it_is_completed(self, serve: Serve, count: int) -> None:
        assert self.one(serve, status="completed", recordCount=count).records == count
        assert self.one(serve, status="processing", recordCount=count).records is None

    @pytest.mark.parametrize("odd", [None, "", "1500", -1, True, 1500.0, 2**63, []])
    def test_that_says_no_number_of_records_says_none(self, serve: Serve, odd: object) -> None:
        assert self.one(serve, status="completed", recordCount=odd).records is None

    def test_repeats_its_window_and_its_name(self, serve: Serve) -> None:
        window = {"start": "2026-10-01T00:00:00Z", "end": "2026-11-01T01:00:00+01:00", "field": "processedTime"}
        export = self.one(serve, name=WANTED.reference, resource="transactions", dateRange=window)
        assert (export.reference, export.resource) == (WANTED.reference, "transactions")
        assert (export.start, export.end) == (OCTOBER.start, OCTOBER.end)

    def test_of_relative_dates_has_no_window(self, serve: Serve) -> None:
        export = self.one(serve, dateRange={"start": "first day of last month midnight", "end": "now"})
        assert (export.start, export.end) == (None, None)


class TestHolding:
    ECHO: ClassVar[dict[str, Any]] = {
        "resource": "transactions",
        "format": "detailed-csv",
        "arguments": {"filter": "type:sale;result:approved,declined", "sort": None, "q": ""},
        "fields": ["processedTime", "id", "amount"],
        "dateRange": {"start": "2026-10-01T00:00:00Z", "end": "2026-11-01T00:00:00Z", "field": "processedTime"},
        "recurring": None,
    }

    def held(self, serve: Serve, dataset: Dataset = SALES, **changes: object) -> bool:
        origin, _ = serve(lambda path: listing({"id": "exp_1", **self.ECHO, **changes}))
        vendor = client(origin)
        return vendor.holds(vendor.exports()[0], dataset)

    def test_is_told_by_what_the_list_repeats(self, serve: Serve) -> None:
        assert self.held(serve)

    def test_needs_nothing_repeated_but_the_resource(self, serve: Serve) -> None:
        origin, _ = serve(lambda path: listing({"id": "exp_1", "resource": "transactions"}))
        assert client(origin).holds(client(origin).exports()[0], SALES)

    @pytest.mark.parametrize("arguments", [None, {}, {"filter": None}, {"filter": "", "q": None}])
    def test_takes_nothing_for_no_filters(self, serve: Serve, arguments: object) -> None:
        assert self.held(serve, replace(SALES, filters={}), arguments=arguments)
        assert not self.held(serve, arguments=arguments)

    @pytest.mark.parametrize(
        "changes",
        [
            {"resource": "customers"},
            {"format": "csv"},
            {"arguments": {"filter": "type:sale"}},
            {"arguments": {"filter": "type:sale;result:approved,declined", "q": "smith"}},
            {"fields": ["id", "processedTime"]},
            {"dateRange": {"field": "createdTime"}},
            {"recurring": {"instruction": "RRULE:FREQ=DAILY"}},
        ],
        ids=str,
    )
    def test_is_denied_by_anything_else(self, serve: Serve, changes: dict[str, Any]) -> None:
        assert not self.held(serve, **changes)


class TestItsFile:
    def test_lies_behind_the_link_that_says_download_wherever_it_stands(self, serve: Serve) -> None:
        file = f"{BASE}/files/file_1/download"
        links = [link("self", "/x"), link("signedLink", "https://files.example/s")]
        export = {"id": "exp_1", "status": "completed", "_links": links}
        origin, seen = serve(lambda path: (200, {}, b"file") if path == file else listing(export))
        links.append(link("download", origin + file))
        (listed,) = client(origin).exports()
        with client(origin).open(listed) as response:
            assert response.raw.read() == b"file"
        assert (seen[-1][1], seen[-1][2]["reb-apikey"]) == (file, KEY)

    def test_that_only_has_a_signed_link_is_asked_for_without_the_key_and_signed_anew_each_time(
        self, serve: Serve
    ) -> None:
        elsewhere, fetched = serve(lambda path: (200, {}, b"file"))
        minted: list[str] = []

        def reply(path: str) -> Reply:
            minted.append(f"{elsewhere}/signed?exp={len(minted)}")
            links = [link("signedLink", minted[-1]), link("self", path)]
            export = {"id": "exp_1", "status": "completed", "_links": links}
            return listing(export) if "offset" in path else answer(export)

        origin, _ = serve(reply)
        (listed,) = client(origin).exports()
        assert listed.ready
        for _ in range(2):
            client(origin).open(listed).close()
        assert [path for _, path, _ in fetched] == ["/signed?exp=1", "/signed?exp=2"]
        assert not any("reb-apikey" in headers for _, _, headers in fetched)

    def test_that_is_signed_is_asked_for_without_the_key_even_on_the_vendors_own_host(self, serve: Serve) -> None:
        export = {"id": "exp_1", "status": "completed", "_links": [link("signedLink", "/signed")]}

        def reply(path: str) -> Reply:
            return (200, {}, b"file") if path == "/signed" else listing(export) if "offset" in path else answer(export)

        origin, seen = serve(reply)
        client(origin).open(client(origin).exports()[0]).close()
        assert [(path, "reb-apikey" in headers) for _, path, headers in seen][-2:] == [
            (f"{BASE}/data-exports/exp_1", True),
            ("/signed", False),
        ]

    def test_on_another_host_is_fetched_by_its_signed_link(self, serve: Serve) -> None:
        links = [link("download", "https://other.example/f"), link("signedLink", "https://files.example/s")]
        origin, _ = serve(lambda path: listing({"id": "exp_1", "status": "completed", "_links": links}))
        assert client(origin).exports()[0].url == "data-exports/exp_1"

    @pytest.mark.parametrize("later", [[], None, [link("signedLink", "")]])
    def test_whose_signed_link_has_gone_is_not_there_yet(self, serve: Serve, later: object) -> None:
        export = {"id": "exp_1", "status": "completed", "_links": [link("signedLink", "https://files.example/s")]}
        origin, _ = serve(lambda path: listing(export) if "offset" in path else answer({**export, "_links": later}))
        (listed,) = client(origin).exports()
        with pytest.raises(TransientError, match=r"Export exp_1 has no file yet; try again later\.$"):
            client(origin).open(listed)

    def test_of_an_export_that_was_deleted_is_gone(self, serve: Serve) -> None:
        export = {"id": "exp_1", "status": "completed", "_links": [link("signedLink", "https://files.example/s")]}
        missing = answer({"title": "Not Found", "status": 404, "type": "about:blank"}, 404)
        origin, _ = serve(lambda path: listing(export) if "offset" in path else missing)
        (listed,) = client(origin).exports()
        with pytest.raises(GoneError, match=r"\(HTTP 404\): Not Found\.$"):
            client(origin).open(listed)

    def test_is_followed_to_another_host_without_the_key(self, serve: Serve) -> None:
        elsewhere, fetched = serve(lambda path: (200, {}, b"PK"))
        export = {"id": "exp_1", "status": "completed", "_links": [link("download", "/files/file_1/download")]}
        there = {"Location": f"{elsewhere}/bucket/f?signature=1"}
        origin, seen = serve(lambda path: (302, there, b"") if "download" in path else listing(export))
        (listed,) = client(origin).exports()
        with client(origin).open(listed) as response:
            assert response.raw.read() == b"PK"
        assert "reb-apikey" in seen[-1][2]
        assert [(path, "reb-apikey" in headers) for _, path, headers in fetched] == [
            ("/bucket/f?signature=1", False),
        ]


class TestARefusal:
    def told(self, serve: Serve, status: int, body: object) -> str:
        origin, _ = serve(lambda path: answer(body, status))
        with pytest.raises(PermanentError) as refused:
            client(origin).request(WANTED)
        return str(refused.value).partition(f"(HTTP {status})")[2]

    def test_names_the_fields_that_are_wrong(self, serve: Serve) -> None:
        wrong = [{"field": "dateRange.start", "message": "is not a date"}, {"field": "name", "message": "is too long"}]
        body = {"title": "Validation error", "status": 422, "detail": "Invalid data.", "invalidFields": wrong}
        assert self.told(serve, 422, body) == ": Invalid data; dateRange.start is not a date; name is too long."

    def test_says_by_how_much_an_export_is_too_large(self, serve: Serve) -> None:
        body = {
            "type": "data-export-limit-exceeded",
            "status": 422,
            "title": "Data export limit exceeded",
            "detail": "Too many records.",
            "matchedRecords": 12_500_000,
            "maxRecords": 10_000_000,
        }
        told = self.told(serve, 422, body)
        assert told == ": Too many records; 12500000 records match and 10000000 are the most; narrow it."

    def test_of_a_conflict_is_told_by_its_title(self, serve: Serve) -> None:
        assert self.told(serve, 409, {"title": "Conflict", "status": 409}) == ": Conflict."

    @pytest.mark.parametrize("body", [{}, [], None, "no", {"detail": None}, {"title": "x", "invalidFields": [7]}])
    def test_of_another_shape_is_not_repeated(self, serve: Serve, body: object) -> None:
        assert self.told(serve, 422, body) == ": the answer gives no reason that can be read."


class TestTheRateLimit:
    @pytest.mark.parametrize(("ahead", "waited"), [(3, 3), (100_000, 120), (-50, 0)])
    def test_is_waited_for_until_the_epoch_that_its_header_names(
        self, serve: Serve, monkeypatch: pytest.MonkeyPatch, ahead: int, waited: int
    ) -> None:
        slept: list[float] = []
        monkeypatch.setattr(time, "sleep", slept.append)
        problem = {"title": "Rate Limit Exceeded", "status": 429, "type": "about:blank"}
        until = str(int(time.time()) + ahead)
        replies = iter([answer(problem, 429, X_RateLimit_Retry_After=until)] * 2 + [listing({"id": "a"})])
        origin, seen = serve(lambda path: next(replies))
        assert len(client(origin).exports()) == 1
        assert len(seen) == 3
        waits = [seconds for seconds in slept if seconds]
        assert len(waits) == (2 if waited else 0)
        assert all(waited - 2 < seconds <= waited for seconds in waits)

    def test_is_not_waited_for_by_a_post(self, serve: Serve) -> None:
        until = str(int(time.time()) + 1_000)
        origin, seen = serve(lambda path: answer({"title": "Rate Limit Exceeded"}, 429, X_RateLimit_Retry_After=until))
        with pytest.raises(TransientError, match=r"^POST [^\n]+HTTP 429; try again later\.$"):
            client(origin).request(WANTED)
        assert len(seen) == 1
