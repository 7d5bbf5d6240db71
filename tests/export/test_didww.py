"""What is DIDWW's own: its words, its links, and answers that only a scripted server gives."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from pipeline.dataset import Dataset
from pipeline.errors import PermanentError, TransientError
from pipeline.export.didww import Vendor
from pipeline.export.protocol import Export, Request, Status
from pipeline.months import Month
from pipeline.sandbox import Fault, ManualClock, Operation, RecordedRequest, Sandbox
from tests.export.conftest import KEY
from tests.export.dialects import didww

OCTOBER = Month(2026, 10)
SECOND = "page%5Bnumber%5D=2&page%5Bsize%5D=100"
NEXT = f"/v3/exports?{SECOND}"
REFERENCE = "cdr/main/cdr_in/2026-10/day0"
WANTED = Request(didww.CALLS_IN, OCTOBER, OCTOBER.start, OCTOBER.end, REFERENCE)
SPAN = {"from": "2026-10-01 00:00:00", "to": "2026-11-01 00:00:00"}

Reply = tuple[int, dict[str, str], bytes]
Serve = Callable[[Callable[[str], Reply]], tuple[str, list[tuple[str, str, dict[str, str]]]]]


def client(origin: str, version: str = "2026-04-16") -> Vendor:
    return didww.client(f"{origin}/v3", KEY, version)


def resource(export_id: str, **attributes: object) -> dict[str, Any]:
    return {"id": export_id, "type": "exports", "attributes": attributes}


def page(*resources: dict[str, Any], **members: object) -> Reply:
    return 200, {"Content-Type": "application/vnd.api+json"}, json.dumps({"data": resources} | members).encode()


@pytest.fixture
def sandbox(start: Callable[[str], Sandbox]) -> Sandbox:
    return start("2026-04-16")


def asked_of(sandbox: Sandbox, method: str = "POST", ending: str = "/exports") -> list[RecordedRequest]:
    return [r for r in sandbox.requests if r.method == method and urlsplit(r.path).path.endswith(ending)]


def posted(sandbox: Sandbox) -> list[Any]:
    return [json.loads(request.body)["data"] for request in asked_of(sandbox)]


def test_a_post_has_the_media_type_without_parameters_and_what_the_vendor_documents(sandbox: Sandbox) -> None:
    didww.client(sandbox.url, KEY).request(WANTED)
    (sent,) = sandbox.requests
    assert sent.headers["Content-Type"] == sent.headers["Accept"] == "application/vnd.api+json"
    assert sent.headers["X-DIDWW-API-Version"] == "2026-04-16"
    assert posted(sandbox) == [
        {
            "type": "exports",
            "attributes": {"export_type": "cdr_in", "external_reference_id": REFERENCE, "filters": SPAN},
        }
    ]


@pytest.mark.parametrize(
    ("version", "attributes"),
    [
        ("2021-12-15", {"filters": {"year": "2026", "month": "10", "did_number": "442079460001"}}),
        ("2022-05-10", {"filters": {"year": "2026", "month": "10", "did_number": "442079460001"}}),
        ("2026-04-16", {"filters": {**SPAN, "did_number": "442079460001"}, "external_reference_id": REFERENCE}),
        ("2026-11-19", {"filters": {**SPAN, "did_number": "442079460001"}, "external_reference_id": REFERENCE}),
    ],
)
def test_each_version_is_asked_in_its_own_form(
    start: Callable[[str], Sandbox], version: str, attributes: dict[str, Any]
) -> None:
    sandbox = start(version)
    vendor = didww.client(sandbox.url, KEY, version)
    made = vendor.request(replace(WANTED, dataset=didww.OF_ONE_DID))
    assert posted(sandbox) == [{"type": "exports", "attributes": {"export_type": "cdr_in", **attributes}}]
    assert (made.status, made.api_version, vendor.reference_length) == (
        Status.PENDING,
        version,
        100 if "external_reference_id" in attributes else 0,
    )


def test_a_reference_that_does_not_fit_is_not_sent(sandbox: Sandbox) -> None:
    didww.client(sandbox.url, KEY).request(replace(WANTED, reference="x" * 101))
    assert "external_reference_id" not in posted(sandbox)[0]["attributes"]


@pytest.mark.parametrize("version", ["2021-12-15", "2022-05-10", "2026-04-16"])
def test_messages_are_not_asked_for_where_there_are_none(start: Callable[[str], Sandbox], version: str) -> None:
    sandbox = start(version)
    with pytest.raises(PermanentError, match=rf"no exports of sms_in in version {version}.*set DIDWW_API_VERSION"):
        didww.client(sandbox.url, KEY, version).request(replace(WANTED, dataset=didww.MESSAGES_IN))
    assert not asked_of(sandbox)


def test_the_list_is_asked_for_newest_first_in_pages_of_a_hundred(sandbox: Sandbox) -> None:
    didww.client(sandbox.url, KEY).exports()
    assert sandbox.requests[0].path == "/v3/exports?sort=-created_at&page%5Bnumber%5D=1&page%5Bsize%5D=100"


@pytest.mark.parametrize(
    "second",
    [
        (502, {"Content-Type": "text/html"}, b"<html>502 Bad Gateway</html>"),
        (200, {"Content-Type": "text/html"}, b"<html>Please sign in</html>"),
        (200, {}, b""),
        (200, {}, b'{"data": [{"id": "b", "ty'),
        (200, {"Content-Length": "5000"}, page(resource("b"))[2]),
        (200, {}, b"[]"),
        (200, {}, b"null"),
        (200, {}, b"{}"),
        (200, {}, b'{"data": null}'),
        (200, {}, b'{"data": {"id": "b"}}'),
        (200, {}, b'{"data": [7]}'),
        (200, {}, b'{"data": [{"type": "exports", "attributes": {}}]}'),
        (200, {}, b'{"data": [], "meta": [1]}'),
        (200, {}, b'{"data": [], "meta": {"total_records": "many"}}'),
        (304, {}, b""),
        (408, {}, b""),
        (429, {}, b'{"errors":[{"status":"429","detail":"Too Many Requests"}]}'),
    ],
    ids=lambda second: f"{second[0]}-{second[2][:24]!r}",
)
def test_an_unreadable_second_page_is_no_list_and_never_half_of_one(serve: Serve, second: Reply) -> None:
    first = page(resource("a"), meta={"total_records": 1}, links={"next": NEXT})
    origin, seen = serve(lambda path: second if path.endswith(SECOND) else first)
    with pytest.raises(TransientError, match=r"^[^\n]+ try again later\.$"):
        client(origin).exports()
    assert {path for _, path, _ in seen if SECOND in path} == {f"/v3/exports?sort=-created_at&{SECOND}"}


@pytest.mark.parametrize("status", [400, 404, 406, 410, 415])
def test_a_refused_page_is_no_list_either(serve: Serve, status: int) -> None:
    origin, _ = serve(lambda path: (status, {}, b'{"errors":[{"detail":"bogus is not allowed."}]}'))
    with pytest.raises(PermanentError, match=rf"\(HTTP {status}\): bogus is not allowed\.$"):
        client(origin).exports()


@pytest.mark.parametrize("missing", [{}, {"links": None}, {"links": {}}, {"links": {"next": None}}, {"meta": None}])
def test_a_list_without_links_or_counts_is_one_page(serve: Serve, missing: dict[str, object]) -> None:
    origin, seen = serve(lambda path: page(resource("a"), resource("b"), **missing))
    assert [export.id for export in client(origin).exports()] == ["a", "b"]
    assert len(seen) <= 2  # without links, a second page is asked for and brings nothing new


def test_a_list_that_says_it_is_longer_than_its_pages_is_read_again_and_then_in_doubt(serve: Serve) -> None:
    origin, seen = serve(lambda path: page(resource("a"), meta={"total_records": 2}))
    listed = client(origin).exports()
    assert [export.id for export in listed] == ["a"]
    assert listed.doubt.startswith(f"GET {origin}/v3/exports counts 2 exports and shows 1, in 2 rows")
    assert len(seen) == 2 * 2


def test_pages_that_lead_back_to_an_earlier_one_do_not_loop(serve: Serve) -> None:
    def reply(path: str) -> Reply:
        number = int(path.split("number%5D=")[1].split("&")[0])
        return page(resource(f"e{number}"), links={"next": NEXT.replace("=2", f"={number % 3 + 1}")})

    origin, seen = serve(reply)
    with pytest.raises(TransientError, match="was read already"):
        client(origin).exports()
    assert len(seen) <= 4


NUMBERED = "/v3/exports?page%5Bnumber%5D={number}"


@pytest.mark.parametrize(
    "link",
    [
        NUMBERED,  # without the order, unsorted lists are in the order of ids
        f"{NUMBERED}&page%5Bsize%5D=100",
        f"{NUMBERED}&sort=id",
        f"{NUMBERED}&sort=-created_at&sort=id",
        f"https://api.didww.com{NUMBERED}",
        "//127.0.0.2:Q\\@127.0.0.1/v3/exports?page[number]={number}",
        "/v3/exports",
        "/v3/exports?page%5Bafter%5D={last}",
        "?page%5Bafter%5D={last}#top",
        "http://[::1",
        "7",
    ],
)
def test_a_next_link_may_leave_out_or_garble_whatever_we_asked_for(serve: Serve, link: str) -> None:
    newest_first = [f"{number * 7919 % 1000:03}" for number in range(250)]

    def reply(path: str) -> Reply:
        asked = dict(parse_qsl(urlsplit(path).query))
        ids = newest_first if asked.get("sort") == "-created_at" else sorted(newest_first)
        size = int(asked.get("page[size]", 50))
        begin = ids.index(asked["page[after]"]) + 1 if "page[after]" in asked else 0
        begin += (int(asked.get("page[number]", 1)) - 1) * size
        shown, more = ids[begin : begin + size], begin + size < len(ids)
        next_ = {"next": link.format(number=begin // size + 2, last=shown[-1])} if more else {}
        return page(*map(resource, shown), meta={"total_records": len(ids)}, links=next_)

    origin, seen = serve(reply)
    listed = client(origin).exports()
    assert [export.id for export in listed] == newest_first
    assert not listed.doubt
    assert len(seen) == 3


def test_a_list_whose_last_links_are_left_out_is_read_as_far_as_it_counts(serve: Serve) -> None:
    def reply(path: str) -> Reply:
        number = int(dict(parse_qsl(urlsplit(path).query))["page[number]"])
        return page(*(resource(f"{number}-{n}") for n in range(100)), meta={"total_records": 300}, links={"first": "/"})

    origin, seen = serve(reply)
    assert len(client(origin).exports()) == 300
    assert len(seen) == 3


def test_an_export_that_is_listed_twice_stops_nothing_and_is_told(serve: Serve) -> None:
    origin, seen = serve(lambda path: page(resource("a"), resource("b"), resource("b"), meta={"total_records": 3}))
    listed = client(origin).exports()
    assert [export.id for export in listed] == ["a", "b"]
    assert "counts 3 exports and shows 2, in 3 rows" in listed.doubt
    assert len(seen) == 2


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_key_goes_to_no_other_host_that_the_next_page_is_on(serve: Serve, scheme: str) -> None:
    elsewhere, seen = serve(lambda path: page(resource("c")))
    link = {"next": f"{elsewhere.replace('http:', f'{scheme}:')}{NEXT}"}
    origin, ours = serve(lambda path: page(resource("b")) if SECOND in path else page(resource("a"), links=link))
    assert [export.id for export in client(origin).exports()] == ["a", "b"]
    assert seen == []
    assert len(ours) == 2


def test_the_key_follows_no_redirect_of_the_list_or_of_a_post(serve: Serve) -> None:
    elsewhere, seen = serve(lambda path: page(resource("b")))
    origin, _ = serve(lambda path: (307, {"Location": f"{elsewhere}/v3/exports"}, b""))
    with pytest.raises(PermanentError, match="has moved; correct DIDWW_API_URL"):
        client(origin).exports()
    with pytest.raises(PermanentError, match="has moved; correct DIDWW_API_URL"):
        client(origin).request(WANTED)
    assert seen == []


def test_an_export_may_lack_everything_but_its_id(serve: Serve) -> None:
    origin, _ = serve(lambda path: page(resource("a"), meta={"total_records": 1}))
    (export,) = client(origin).exports()
    assert (export.id, export.status, export.ready) == ("a", Status.UNKNOWN, False)
    assert (export.url, export.reference, export.start, export.end) == (None, None, None, None)


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("pending", Status.PENDING),
        ("Processing", Status.PROCESSING),
        ("COMPLETED", Status.COMPLETED),
        ("failed", Status.UNKNOWN),
        ("unknown", Status.UNKNOWN),
        ("", Status.UNKNOWN),
        (None, Status.UNKNOWN),
    ],
)
def test_statuses_are_read_in_any_case_and_others_are_unknown(serve: Serve, said: str | None, status: Status) -> None:
    origin, _ = serve(lambda path: page(resource("a", status=said, url="https://x/f")))
    (export,) = client(origin).exports()
    assert export.status is status
    assert export.ready == (status is Status.COMPLETED)


@pytest.mark.parametrize("url", [None, ""])
def test_a_completed_export_without_url_is_not_ready(serve: Serve, url: str | None) -> None:
    origin, _ = serve(lambda path: page(resource("a", status="completed", url=url)))
    (export,) = client(origin).exports()
    assert not export.ready


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-10-01 00:00:00", OCTOBER.start),
        ("2026-10-01T00:00:00Z", OCTOBER.start),
        ("2026-10-01T02:00:00.000+02:00", OCTOBER.start),
        ("2026-10-01", OCTOBER.start),
        ("October", None),
        (None, None),
        (7, None),
    ],
)
def test_times_are_read_as_the_vendor_writes_them_or_are_none(
    serve: Serve, text: object, moment: datetime | None
) -> None:
    origin, _ = serve(lambda path: page(resource("a", filters={"from": text, "to": text})))
    (export,) = client(origin).exports()
    assert (export.start, export.end) == (moment, moment)


@pytest.mark.parametrize("filters", [None, [], {}, {"year": "2026", "month": 10}])
def test_filters_of_older_versions_have_no_window(serve: Serve, filters: object) -> None:
    origin, _ = serve(lambda path: page(resource("a", filters=filters)))
    (export,) = client(origin).exports()
    assert (export.start, export.end) == (None, None)
    assert export.filters == (filters or {})


def test_an_export_that_comes_on_two_pages_is_listed_as_it_was_first_seen(serve: Serve) -> None:
    def reply(path: str) -> Reply:
        if path.endswith(SECOND):
            return page(resource("b", status="pending"), resource("c"), meta={"total_records": 3})
        links = {"next": NEXT}
        return page(resource("a"), resource("b", status="completed"), meta={"total_records": 3}, links=links)

    origin, _ = serve(reply)
    listed = client(origin).exports()
    assert [export.id for export in listed] == ["a", "b", "c"]
    assert listed[1].status is Status.COMPLETED


def test_what_an_export_was_served_by_is_the_version_of_its_page(serve: Serve) -> None:
    origin, _ = serve(lambda path: page(resource("a"), meta={"total_records": 1, "api_version": "2026-11-19"}))
    (export,) = client(origin).exports()
    assert export.api_version == "2026-11-19"
    assert export.created_at == datetime.min.replace(tzinfo=UTC)


def test_a_201_that_cannot_be_read_leaves_open_whether_it_was_created(serve: Serve) -> None:
    origin, seen = serve(lambda path: (201, {}, b'{"data": {"id"'))
    with pytest.raises(TransientError):
        client(origin).request(WANTED)
    assert len(seen) == 1


def test_a_vendor_without_links_is_asked_page_by_page_however_few_it_puts_on_one(serve: Serve) -> None:
    exports = [resource(f"e{number}") for number in range(7)]

    def reply(path: str) -> Reply:
        number = int(path.split("number%5D=")[1].split("&")[0])
        return page(*exports[3 * (number - 1) : 3 * number])

    origin, seen = serve(reply)
    assert len(client(origin).exports()) == 7
    assert len(seen) == 4


@pytest.mark.parametrize("version", ["2021-12-15", "2022-05-10"])
def test_a_list_without_links_is_read_no_further_than_it_counts(start: Callable[[str], Sandbox], version: str) -> None:
    sandbox = start(version)
    assert len(didww.client(sandbox.url, KEY, version).exports()) == 24
    assert len(sandbox.requests) == 1


def test_an_account_that_is_upgraded_between_two_pages_has_one_list(serve: Serve) -> None:
    def reply(path: str) -> Reply:
        meta = {"total_records": 3}
        if "number%5D=1" in path:
            return page(resource("a", status="Completed", url="/f"), meta=meta)
        if "number%5D=2" in path:
            links = {"next": NEXT.replace("=2", "=3")}
            return page(
                resource("b", status="completed", url="/f"), meta=meta | {"api_version": "2026-04-16"}, links=links
            )
        return page(resource("c"), meta=meta | {"api_version": "2026-04-16"}, links={})

    origin, _ = serve(reply)
    vendor = client(origin, "2022-05-10")
    listed = vendor.exports()
    assert [(export.id, export.status) for export in listed] == [
        ("a", Status.COMPLETED),
        ("b", Status.COMPLETED),
        ("c", Status.UNKNOWN),
    ]
    assert vendor.reference_length == 100


@pytest.mark.parametrize("asked", ["2021-12-15", "2022-05-10", "2026-04-16", "no version", ""])
@pytest.mark.parametrize("default", ["2022-05-10", "2026-04-16", "2026-11-19"])
def test_what_is_served_decides_and_not_what_was_asked_for(
    start: Callable[[str], Sandbox], default: str, asked: str
) -> None:
    sandbox = start(default)
    vendor = didww.client(sandbox.url, KEY, asked)
    vendor.exports()
    vendor.request(WANTED)
    served = max(default, asked) if asked != "no version" else default
    (made,) = sandbox.exports
    assert made.version == served
    assert len(asked_of(sandbox)) == 1
    assert vendor.reference_length == (100 if served >= "2026" else 0)


@pytest.mark.parametrize("before", ["2021-12-15", "2022-05-10", "2026-04-16"])
@pytest.mark.parametrize("after", ["2026-04-16", "2026-11-19"])
def test_an_account_that_is_upgraded_in_the_middle_is_asked_in_the_new_form(
    start: Callable[[str], Sandbox], before: str, after: str
) -> None:
    sandbox = start(before)
    vendor = didww.client(sandbox.url, KEY, before)
    old = vendor.request(WANTED)
    sandbox.upgrade(after)
    new = vendor.request(WANTED)
    listed = {export.id: export for export in vendor.exports()}
    assert [export.id for export in sandbox.exports] == [old.id, new.id]
    assert (new.api_version, new.reference, listed[new.id].end) == (after, REFERENCE, OCTOBER.end)
    assert listed[old.id].ready
    assert all(vendor.holds(listed[made.id], didww.CALLS_IN) for made in (old, new))
    vendor.open(listed[old.id]).close()  # the key, or the token, whichever is used by now


def test_a_post_that_was_refused_for_another_reason_is_not_repeated(sandbox: Sandbox, clock: ManualClock) -> None:
    with pytest.raises(PermanentError, match="must not be in the future"):
        didww.client(sandbox.url, KEY).request(replace(WANTED, end=clock() + timedelta(days=1)))
    assert len(asked_of(sandbox)) == 1


@pytest.mark.parametrize(
    ("kind", "value"),
    [(Fault.BAD_GATEWAY, 502), (Fault.TOO_MANY_REQUESTS, 0), (Fault.DROPPED, None)],
)
def test_a_post_that_may_have_been_heard_is_not_repeated_in_another_form(
    start: Callable[[str], Sandbox], kind: Fault, value: int | None
) -> None:
    sandbox = start("2022-05-10")
    vendor = didww.client(sandbox.url, KEY, "2022-05-10")
    sandbox.upgrade("2026-04-16")
    sandbox.faults.inject(kind, on=Operation.CREATE, value=value)
    with pytest.raises(TransientError):
        vendor.request(WANTED)
    assert len(asked_of(sandbox)) == 1


def test_a_post_is_repeated_in_another_form_once_and_never_again(serve: Serve) -> None:
    versions = iter(["2026-04-16", "2026-11-19", "2027-01-01"])

    def reply(path: str) -> Reply:
        if "page" in path:
            return page(meta={"api_version": next(versions)})
        return 400, {}, b'{"errors":[{"detail":"year is not allowed."}]}'

    origin, seen = serve(reply)
    with pytest.raises(PermanentError, match=r"year is not allowed\.$"):
        client(origin, "2022-05-10").request(WANTED)
    assert [method for method, _, _ in seen] == ["POST", "GET", "POST"]


@pytest.mark.parametrize(
    ("echoed", "wanted", "same"),
    [
        ({}, {"did_number": "1"}, True),
        (SPAN, {}, True),
        (SPAN, {"did_number": "1"}, False),
        ({**SPAN, "did_number": "1"}, {}, False),
        ({**SPAN, "did_number": "1"}, {"did_number": "1"}, True),
        ({**SPAN, "did_number": "1"}, {"did_number": 1}, True),
        ({**SPAN, "did_number": "1"}, {"did_number": "2"}, False),
        ({**SPAN, "did_number": ""}, {}, True),
        ({**SPAN, "did_number": None}, {"did_number": ""}, True),
        ({"year": 2026, "month": "10"}, {}, True),
        ({"year": "2026", "month": "10", "day": 3, "did_number": 1}, {"did_number": "1"}, True),
        ({**SPAN, "trunk_type": ["Email", "HTTP IN"]}, {"trunk_type": ["HTTP IN", "Email"]}, True),
        ({**SPAN, "trunk_type": "Email"}, {"trunk_type": ["Email"]}, True),
        ({**SPAN, "trunk_type": ["Email"]}, {"trunk_type": ["Email", "HTTP IN"]}, False),
        ({**SPAN, "trunk_type": []}, {}, True),
        ({**SPAN, "status": {"not": ["text"]}}, {"status": "Failed"}, False),
    ],
)
def test_an_export_holds_what_its_type_and_filters_say(
    echoed: dict[str, object], wanted: dict[str, object], same: bool
) -> None:
    export = Export("e", "cdr_in", Status.COMPLETED, datetime(2026, 11, 1, tzinfo=UTC), filters=echoed)
    vendor = client("http://127.0.0.1:1")
    assert vendor.holds(export, Dataset("one", "didww", "cdr_in", filters=wanted)) is same
    assert not vendor.holds(export, Dataset("one", "didww", "cdr_out", filters=wanted))
