"""What is DIDWW's own: its words, its links, and answers that only a scripted server gives."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from pipeline.errors import PermanentError, TransientError
from pipeline.export.didww import Didww
from pipeline.export.protocol import Request, Status
from pipeline.months import Month
from pipeline.sandbox import ManualClock, Sandbox

KEY = "k-4711-secret"
OCTOBER = Month(2026, 10)
WANTED = Request("cdr_in", OCTOBER, OCTOBER.start, OCTOBER.end, "cdr/main/cdr_in/2026-10/day0")

Reply = tuple[int, dict[str, str], bytes]
Serve = Callable[[Callable[[str], Reply]], tuple[str, list[tuple[str, str, dict[str, str]]]]]


def client(origin: str) -> Didww:
    return Didww(f"{origin}/v3", SecretStr(KEY), "2026-04-16", patience=0.0)


def resource(export_id: str, **attributes: object) -> dict[str, Any]:
    return {"id": export_id, "type": "exports", "attributes": attributes}


def page(*resources: dict[str, Any], **members: object) -> Reply:
    return 200, {"Content-Type": "application/vnd.api+json"}, json.dumps({"data": resources} | members).encode()


@pytest.fixture
def sandbox(clock: ManualClock) -> Iterator[Sandbox]:
    with Sandbox(calls_per_day=1, clock=clock, api_key=KEY, rate_limit=None) as running:
        yield running


def test_a_post_has_the_media_type_without_parameters_and_what_the_vendor_documents(sandbox: Sandbox) -> None:
    client(sandbox.url.removesuffix("/v3")).ask(WANTED)
    (sent,) = sandbox.requests
    assert sent.headers["Content-Type"] == sent.headers["Accept"] == "application/vnd.api+json"
    assert sent.headers["X-DIDWW-API-Version"] == "2026-04-16"
    assert json.loads(sent.body) == {
        "data": {
            "type": "exports",
            "attributes": {
                "export_type": "cdr_in",
                "external_reference_id": "cdr/main/cdr_in/2026-10/day0",
                "filters": {"from": "2026-10-01 00:00:00", "to": "2026-11-01 00:00:00"},
            },
        }
    }


def test_the_list_is_asked_for_newest_first_in_pages_of_a_hundred(sandbox: Sandbox) -> None:
    client(sandbox.url.removesuffix("/v3")).exports()
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
        (302, {"Location": "/v3/login"}, b""),
        (304, {}, b""),
        (408, {}, b""),
        (429, {}, b'{"errors":[{"status":"429","detail":"Too Many Requests"}]}'),
    ],
    ids=lambda second: f"{second[0]}-{second[2][:24]!r}",
)
def test_an_unreadable_second_page_is_no_list_and_never_half_of_one(serve: Serve, second: Reply) -> None:
    first = page(resource("a"), meta={"total_records": 1}, links={"next": "/v3/exports?page=2"})
    origin, seen = serve(lambda path: second if path.endswith("page=2") else first)
    with pytest.raises(TransientError, match=r"^[^\n]+ try again later\.$"):
        client(origin).exports()
    assert {path for _, path, _ in seen if "page=2" in path} == {"/v3/exports?page=2"}


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


def test_a_list_that_says_it_is_longer_than_its_pages_is_read_again_and_then_refused(serve: Serve) -> None:
    origin, seen = serve(lambda path: page(resource("a"), meta={"total_records": 2}))
    with pytest.raises(TransientError, match="listed 1 of 2 exports"):
        client(origin).exports()
    assert len(seen) == 3 * 2


def test_pages_that_lead_back_to_an_earlier_one_do_not_loop(serve: Serve) -> None:
    def reply(path: str) -> Reply:
        number = int(path[-1]) if "page=" in path else 1
        return page(resource(f"e{number}"), links={"next": f"/v3/exports?page={number % 3 + 1}"})

    origin, seen = serve(reply)
    with pytest.raises(TransientError, match="was read already"):
        client(origin).exports()
    assert len(seen) <= 4


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_key_goes_to_no_other_host_that_the_next_page_is_on(serve: Serve, scheme: str) -> None:
    elsewhere, seen = serve(lambda path: page(resource("b")))
    elsewhere = elsewhere.replace("http:", f"{scheme}:")
    origin, _ = serve(lambda path: page(resource("a"), links={"next": f"{elsewhere}/v3/exports?page=2"}))
    with pytest.raises(PermanentError, match="another host"):
        client(origin).exports()
    assert seen == []


def test_the_key_follows_no_redirect_of_the_list_or_of_a_post(serve: Serve) -> None:
    elsewhere, seen = serve(lambda path: page(resource("b")))
    origin, _ = serve(lambda path: (307, {"Location": f"{elsewhere}/v3/exports"}, b""))
    with pytest.raises(TransientError):
        client(origin).exports()
    with pytest.raises(TransientError):
        client(origin).ask(WANTED)
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
        if path.endswith("page=2"):
            return page(resource("b", status="pending"), resource("c"), meta={"total_records": 3})
        links = {"next": "/v3/exports?page=2"}
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
        client(origin).ask(WANTED)
    assert len(seen) == 1


def test_a_vendor_without_links_is_asked_page_by_page_however_few_it_puts_on_one(serve: Serve) -> None:
    exports = [resource(f"e{number}") for number in range(7)]

    def reply(path: str) -> Reply:
        number = int(path.split("number%5D=")[1].split("&")[0])
        return page(*exports[3 * (number - 1) : 3 * number])

    origin, seen = serve(reply)
    assert len(client(origin).exports()) == 7
    assert len(seen) == 4
