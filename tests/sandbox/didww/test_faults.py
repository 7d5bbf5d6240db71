import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from pipeline.sandbox import Fault, ManualClock, Operation, Sandbox

MEDIA = {"Content-Type": "application/vnd.api+json"}
SEPTEMBER = {"from": "2026-09-01 00:00:00", "to": "2026-10-01 00:00:00"}
BODY = {"data": {"type": "exports", "attributes": {"export_type": "cdr_in", "filters": SEPTEMBER}}}


@pytest.fixture
def url(create: Any) -> str:
    return str(create()["url"])


def post(sandbox: Sandbox, session: requests.Session) -> requests.Response:
    return session.post(f"{sandbox.url}/exports", json=BODY, headers=MEDIA)


@pytest.mark.parametrize("operation", ["create", "list", "show", "download"])
def test_a_bad_gateway_strikes_so_many_times_where_it_is_told(
    sandbox: Sandbox, session: requests.Session, create: Any, operation: str
) -> None:
    made = create()
    asks: dict[str, Callable[[], requests.Response]] = {
        "create": lambda: post(sandbox, session),
        "list": lambda: session.get(f"{sandbox.url}/exports"),
        "show": lambda: session.get(f"{sandbox.url}/exports/{made['id']}"),
        "download": lambda: session.get(made["url"]),
    }
    fault = sandbox.faults.inject(Fault.BAD_GATEWAY, times=2, on=operation)
    for name, ask in asks.items():
        statuses = [ask().status_code for _ in range(3)]
        assert (statuses[:2] == [502, 502]) == (name == operation)
        assert statuses[2] in (200, 201)
    assert fault.hits == 2


def test_a_bad_gateway_is_a_page(sandbox: Sandbox, session: requests.Session) -> None:
    sandbox.faults.inject(Fault.BAD_GATEWAY, value=503)
    answer = session.get(f"{sandbox.url}/exports")
    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "text/html")
    assert answer.text.startswith("<html>")


@pytest.mark.parametrize(("value", "wait"), [(None, None), (3, "3")])
def test_too_many_requests_come_with_and_without_retry_after(
    sandbox: Sandbox, session: requests.Session, value: int | None, wait: str | None
) -> None:
    sandbox.faults.inject(Fault.TOO_MANY_REQUESTS, value=value)
    answer = session.get(f"{sandbox.url}/exports")
    assert (answer.status_code, answer.headers.get("Retry-After")) == (429, wait)
    assert answer.json() == {"errors": [{"status": "429", "detail": "Too Many Requests"}]}


@pytest.mark.parametrize(("kind", "created"), [(Fault.DROPPED, 0), (Fault.UNANSWERED, 1)])
def test_a_post_without_an_answer_has_created_or_not(
    sandbox: Sandbox, session: requests.Session, kind: Fault, created: int
) -> None:
    sandbox.faults.inject(kind, on=Operation.CREATE)
    with pytest.raises(requests.ConnectionError):
        post(sandbox, session)
    assert len(sandbox.exports) == created
    assert [request.status for request in sandbox.requests] == [None]
    assert post(sandbox, session).ok


def test_a_stuck_export_stays_until_the_fault_is_stopped(
    sandbox: Sandbox, session: requests.Session, clock: ManualClock
) -> None:
    fault = sandbox.faults.inject(Fault.STUCK)
    made = [post(sandbox, session).json()["data"]["id"] for _ in range(2)]

    def statuses() -> list[str]:
        shown = [session.get(f"{sandbox.url}/exports/{one}").json()["data"]["attributes"] for one in made]
        return [one["status"] for one in shown]

    clock.advance(timedelta(days=2))
    assert statuses() == statuses() == ["processing", "completed"]
    stuck, healthy = (f"{sandbox.url}/exports/{export.file_name}" for export in sandbox.exports)
    assert (session.get(stuck).status_code, session.get(healthy).status_code) == (404, 200)
    fault.stop()
    assert statuses() == ["completed", "completed"]


def test_a_status_can_be_unknown_and_other_peoples_are_left_alone(
    sandbox: Sandbox, session: requests.Session, create: Any
) -> None:
    sandbox.faults.inject(Fault.UNKNOWN_STATUS, value="queued", times=None)
    made = create()
    assert (made["status"], made["url"]) == ("queued", None)
    listed = session.get(f"{sandbox.url}/exports").json()["data"]
    assert [item["id"] for item in listed if item["attributes"]["status"] == "queued"] == [made["id"]]
    assert session.get(f"{sandbox.url}/exports/{sandbox.exports[0].file_name}").status_code == 404


def test_a_state_fault_strikes_the_exports_that_match(sandbox: Sandbox, create: Any) -> None:
    sandbox.faults.inject("unknown_status", times=None, match=lambda export: export.export_type == "cdr_out")
    assert create("cdr_in")["status"] == "completed"
    assert create("cdr_out")["status"] == "failed"


def test_a_completed_export_can_lack_its_url_for_a_while(
    sandbox: Sandbox, session: requests.Session, create: Any
) -> None:
    sandbox.faults.inject(Fault.WITHOUT_URL, times=2)
    made = create()
    assert (made["status"], made["url"]) == ("completed", None)
    urls = [session.get(f"{sandbox.url}/exports/{made['id']}").json()["data"]["attributes"]["url"] for _ in range(2)]
    assert urls[0] is None
    assert urls[1].endswith(".csv.gz")


def test_a_list_can_be_invalid_json(sandbox: Sandbox, session: requests.Session) -> None:
    sandbox.faults.inject(Fault.INVALID_JSON)
    answer = session.get(f"{sandbox.url}/exports")
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.text)


def test_a_next_link_can_lead_back_for_ever(sandbox: Sandbox, session: requests.Session) -> None:
    sandbox.faults.inject(Fault.ENDLESS_NEXT, times=None)
    link = f"{sandbox.url}/exports?page[number]=2&page[size]=10"
    pages = [session.get(link).json() for _ in range(2)]
    assert session.get(pages[0]["links"]["next"]).json()["data"] == pages[0]["data"]


@pytest.mark.parametrize(("kind", "seen", "distinct"), [(Fault.LIST_GROWS, 25, 24), (Fault.LIST_SHRINKS, 23, 23)])
def test_pages_can_shift_between_requests(
    sandbox: Sandbox, session: requests.Session, kind: Fault, seen: int, distinct: int
) -> None:
    sandbox.faults.inject(kind)
    content = session.get(f"{sandbox.url}/exports?page[size]=10").json()
    ids = [export["id"] for export in content["data"]]
    while following := content["links"].get("next"):
        content = session.get(following).json()
        ids += [export["id"] for export in content["data"]]
    assert (len(ids), len(set(ids))) == (seen, distinct)


def test_clearing_ends_every_fault(sandbox: Sandbox, session: requests.Session, url: str) -> None:
    sandbox.faults.inject(Fault.BAD_GATEWAY, times=None)
    sandbox.faults.inject(Fault.STUCK, times=None)
    assert session.get(url).status_code == 502
    sandbox.faults.clear()
    assert session.get(url).status_code == 200


def test_a_sandbox_without_calls_serves_headers_alone(session: requests.Session) -> None:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    with Sandbox(calls_per_day=0, clock=lambda: now, api_key="k-7f3") as quiet:
        assert quiet.truth("cdr_in", datetime(2026, 9, 1, tzinfo=UTC), now).rows == 0
