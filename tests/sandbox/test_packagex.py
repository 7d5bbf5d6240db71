import csv
import io
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests

from pipeline.sandbox import ManualClock
from pipeline.sandbox.packagex import Sandbox

KEY = "k-7f3"
FORM = {"timezone": "UTC", "datetime_format": "yyyy-MM-dd HH:mm:ss", "columns": {"id": True, "created_at": True}}
BODY = {
    "resource": "shipment",
    "options": {"limit": "all", "created_at": "gte:2026-10-01"},
    "csv_field_options": FORM,
}
FLAGS = {"include_csv": "true", "include_json": "true"}


def options(clock: ManualClock, **other: Any) -> dict[str, Any]:
    at_once = {"pending": timedelta(0), "processing": timedelta(0), "rate_limit": None}
    return {"clock": clock, "api_key": KEY, "rows_per_day": 5, **at_once, **other}


@pytest.fixture
def sandbox(clock: ManualClock) -> Iterator[Sandbox]:
    with Sandbox(**options(clock)) as running:
        yield running


def created(sandbox: Sandbox, session: requests.Session, **changes: Any) -> str:
    answer = session.post(f"{sandbox.url}/exports", json={**BODY, **changes})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["data"]["id"])


def show(sandbox: Sandbox, session: requests.Session, export_id: str, **flags: str) -> dict[str, Any]:
    shown: dict[str, Any] = session.get(f"{sandbox.url}/exports/{export_id}", params=flags).json()["data"]
    return shown


def page(sandbox: Sandbox, session: requests.Session, **parameters: str) -> dict[str, Any]:
    answer: dict[str, Any] = session.get(f"{sandbox.url}/exports", params=parameters).json()
    return answer


def rows(url: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(requests.get(url, timeout=10).content.decode(), newline="")))


@pytest.mark.parametrize("header", ["PX-API-KEY", "X-API-KEY"])
def test_either_header_carries_the_key(sandbox: Sandbox, header: str) -> None:
    assert requests.get(f"{sandbox.url}/exports", headers={header: KEY}, timeout=10).ok
    refused = requests.get(f"{sandbox.url}/exports", headers={header: "k-another"}, timeout=10)
    assert (refused.status_code, refused.json()["status"], refused.json()["data"]) == (401, 401, None)
    assert [request.headers[header] for request in sandbox.requests] == ["[hidden]", "[hidden]"]


def test_the_list_is_oldest_first_and_ten_to_a_page_unless_told(sandbox: Sandbox, session: requests.Session) -> None:
    first = page(sandbox, session)
    assert first["pagination"] == {"page": 1, "limit": 10, "has_more": True, "total_count": 24}
    last = page(sandbox, session, page="3")
    assert (len(first["data"]), len(last["data"]), last["pagination"]["has_more"]) == (10, 4, False)
    made = [item["created_at"] for item in first["data"]]
    assert made == sorted(made)
    mine = created(sandbox, session)
    assert mine in {item["id"] for item in page(sandbox, session, page="3")["data"]}
    newest = page(sandbox, session, order_by="created_at", direction="desc", limit="100")
    assert newest["data"][0]["id"] == mine
    assert len(newest["data"]) == 25
    assert {item["resource"] for item in page(sandbox, session, resource="contact")["data"]} == {"contact"}


def test_an_address_is_told_of_one_export_by_flag(sandbox: Sandbox, session: requests.Session) -> None:
    mine = created(sandbox, session)
    assert not any("_url" in name for name in show(sandbox, session, mine))
    assert "_json_url" not in show(sandbox, session, mine, include_csv="true")
    both = show(sandbox, session, mine, **FLAGS)
    assert requests.get(both["_json_url"], timeout=10).json() == rows(both["_csv_url"])
    assert not any("_url" in name for item in page(sandbox, session, **FLAGS)["data"] for name in item)


def test_the_flags_can_be_crossed_and_the_envelope_left_out(clock: ManualClock, session: requests.Session) -> None:
    with Sandbox(**options(clock, crossed=True, wrapped=False)) as sandbox:
        mine = session.post(f"{sandbox.url}/exports", json=BODY).json()
        shown = session.get(f"{sandbox.url}/exports/{mine['id']}?include_csv=true").json()
    assert mine["status"] == "queued"
    assert shown["_json_url"]
    assert "_csv_url" not in shown


def test_times_are_written_as_the_body_wants_them(sandbox: Sandbox, session: requests.Session) -> None:
    new_york = {**FORM, "timezone": "America/New_York", "datetime_format": "MM/dd/yyyy hh:mm:ss a"}
    here, there = (
        rows(show(sandbox, session, created(sandbox, session, csv_field_options=form), **FLAGS)["_csv_url"])
        for form in (FORM, new_york)
    )
    assert here[0]["created_at"] == "2026-10-01 00:00:00"
    for row, other in zip(here, there, strict=True):
        at = datetime.strptime(other["created_at"], "%m/%d/%Y %I:%M:%S %p").replace(tzinfo=ZoneInfo("America/New_York"))
        assert f"{at.astimezone(ZoneInfo('UTC')):%Y-%m-%d %H:%M:%S}" == row["created_at"]


@pytest.mark.parametrize(("limit", "count"), [("all", None), (3, 3), (None, 10)])
def test_without_all_a_file_is_short(
    sandbox: Sandbox, session: requests.Session, limit: object, count: int | None
) -> None:
    asked = {"created_at": "gte:2026-10-01", **({"limit": limit} if limit else {})}
    mine = created(sandbox, session, options=asked)
    found = rows(show(sandbox, session, mine, **FLAGS)["_csv_url"])
    assert len(found) == sandbox.truth_of(mine).rows == (count or len(found))
    assert len(found) > 10 or count


@pytest.mark.parametrize(
    "changes",
    [
        {"resource": "call"},
        {"options": None},
        {"csv_field_options": None},
        {"csv_field_options": {**FORM, "timezone": "Mars"}},
        {"csv_field_options": {**FORM, "columns": {"colour": True}}},
        {"options": {"created_at": "lt:2026-11-01"}},
        {"options": {"created_at": "gte:October"}},
    ],
)
def test_what_it_does_not_know_is_refused_in_the_envelope(
    sandbox: Sandbox, session: requests.Session, changes: dict[str, Any]
) -> None:
    answer = session.post(f"{sandbox.url}/exports", json={**BODY, **changes})
    assert (answer.status_code, answer.json()["status"], answer.json()["data"]) == (400, 400, None)
    assert len(answer.json()["errors"]) == 1
    assert sandbox.exports == []


def test_an_export_is_gone_after_a_day(sandbox: Sandbox, session: requests.Session, clock: ManualClock) -> None:
    mine = created(sandbox, session)
    address = show(sandbox, session, mine, **FLAGS)["_csv_url"]
    clock.advance(timedelta(hours=24))
    assert page(sandbox, session)["data"] == []
    assert session.get(f"{sandbox.url}/exports/{mine}").status_code == 404
    assert requests.get(address, timeout=10).status_code == 403


@pytest.mark.parametrize(("method", "path"), [("DELETE", "exports"), ("PATCH", "exports/x"), ("GET", "imports")])
def test_what_the_vendor_has_not_is_not_found(
    sandbox: Sandbox, session: requests.Session, method: str, path: str
) -> None:
    assert session.request(method, f"{sandbox.url}/{path}").status_code == 404
