import csv
import io
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests

from pipeline.sandbox import Fault, ManualClock
from pipeline.sandbox.connectif import Sandbox

KEY = "k-4711:secret"
SEPTEMBER = {"fromDate": "2026-09-01T00:00:00.000Z", "toDate": "2026-10-01T00:00:00.000Z"}
DAYS = {"fromDate": "2026-09-01", "toDate": "2026-09-30", "reportId": "r-1"}
MINUTE = timedelta(minutes=1)

Made = dict[str, Any]
Create = Callable[..., Made]


@pytest.fixture
def sandbox(clock: ManualClock) -> Iterator[Sandbox]:
    with started(clock) as running:
        yield running


def started(clock: ManualClock, **options: Any) -> Sandbox:
    usual: dict[str, Any] = {"api_key": KEY, "rows_per_day": 5, "foreign": 4, "rate_limit": None}
    return Sandbox(clock=clock, **usual | options)


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as opened:
        opened.headers["Authorization"] = f"apiKey {KEY}"
        opened.trust_env = False
        yield opened


@pytest.fixture
def post(sandbox: Sandbox, session: requests.Session) -> Callable[..., requests.Response]:
    """POSTs a body for activities of September, changed as told."""

    def posted(to: str = "/exports/", **changes: object) -> requests.Response:
        body = {"exportType": "activities", "delimiter": ",", "dateFormat": "ISO", "filters": SEPTEMBER} | changes
        return session.post(sandbox.url + to, json={name: value for name, value in body.items() if value is not None})

    return posted


@pytest.fixture
def create(sandbox: Sandbox, session: requests.Session, clock: ManualClock, post: Any) -> Create:
    """Creates an export and returns it as it reads when it is finished."""

    def created(to: str = "/exports/", **changes: object) -> Made:
        answer = post(to, **changes)
        assert answer.status_code == 201, answer.text
        clock.advance(MINUTE)
        shown: Made = session.get(f"{sandbox.url}/exports/{answer.json()['id']}").json()
        return shown

    return created


def rows_of(content: bytes, delimiter: str = ",") -> list[dict[str, str]]:
    """The one CSV in the ZIP, read with nothing but the csv module."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        (name,) = archive.namelist()
        text = archive.read(name)
    assert text.startswith(b"\xef\xbb\xbf")
    assert text.split(b"\n", 1)[0].endswith(b"\r")
    return list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"), newline=""), delimiter=delimiter, strict=True))


def moments(rows: list[dict[str, str]]) -> list[str]:
    return sorted(row["date"] for row in rows)


@pytest.mark.parametrize("key", [None, "", KEY, f"Bearer {KEY}", f"apiKey  {KEY}", "apiKey other:key"])
def test_who_lacks_the_key_is_refused_without_a_body(sandbox: Sandbox, key: str | None) -> None:
    answer = requests.get(f"{sandbox.url}/exports", headers={} if key is None else {"Authorization": key}, timeout=9)
    assert (answer.status_code, answer.content) == (401, b"")


def test_an_export_is_queued_then_in_progress_then_finished(
    sandbox: Sandbox, session: requests.Session, clock: ManualClock, post: Any
) -> None:
    made = post().json()
    assert (made["status"], "fileUrl" in made) == ("queued", False)
    seen = []
    for _ in range(3):
        clock.advance(timedelta(seconds=1))
        shown = session.get(f"{sandbox.url}/exports/{made['id']}").json()
        seen.append((shown["status"], "fileUrl" in shown, "finishedAt" in shown))
    assert seen == [("inProgress", False, False), ("inProgress", False, False), ("finished", True, True)]


def test_an_export_that_failed_says_error(sandbox: Sandbox, create: Create) -> None:
    sandbox.faults.inject(Fault.FAILED)
    made = create()
    assert (made["status"], "fileUrl" in made) == ("error", False)


def test_everything_that_was_asked_for_is_repeated(create: Create) -> None:
    made = create(filters={**SEPTEMBER, "activityTypes": ["purchase"]}, delimiter=";", version="v2")
    told = {name: made[name] for name in ("exportType", "origin", "delimiter", "dateFormat", "version", "filters")}
    assert told == {
        "exportType": "activities",
        "origin": "api",
        "delimiter": ";",
        "dateFormat": "ISO",
        "version": "v2",
        "filters": {**SEPTEMBER, "activityTypes": ["purchase"]},
    }


def test_a_sixth_queued_export_is_a_400_until_one_of_the_five_is_under_way(clock: ManualClock, post: Any) -> None:
    assert [post().status_code for _ in range(6)] == [201] * 5 + [400]
    assert post().json()["code"] == "E0301"
    clock.advance(timedelta(seconds=1))
    assert post().status_code == 201


@pytest.mark.parametrize(
    ("to", "changes", "path"),
    [
        ("/exports/", {"exportType": "webhooks-execution-logs"}, "exportType"),
        ("/exports/", {"exportType": "data-explorer"}, "filters.reportId"),
        ("/exports/", {"delimiter": "|"}, "delimiter"),
        ("/exports/", {"dateFormat": None}, "dateFormat"),
        ("/exports/", {"filters": None}, "filters.fromDate"),
        ("/exports/", {"filters": ["x"]}, "filters"),
        ("/exports/", {"filters": {**SEPTEMBER, "fromDate": "2026-09-01"}}, "filters.fromDate"),
        ("/exports/", {"filters": {**SEPTEMBER, "toDate": "2026-10-02T00:00:00.001Z"}}, "filters.toDate"),
        ("/exports/", {"filters": {**SEPTEMBER, "toDate": SEPTEMBER["fromDate"]}}, "filters.toDate"),
        ("/exports/type/data-explorer", {"filters": {**DAYS, "toDate": "2026-10-02"}}, "filters.toDate"),
        ("/exports/type/data-explorer", {"filters": {**DAYS, "reportId": ""}}, "filters.reportId"),
        ("/exports/type/data-explorer", {"filters": {**SEPTEMBER, "reportId": "r"}}, "filters.fromDate"),
    ],
)
def test_what_is_wrong_with_a_body_comes_with_its_path(post: Any, to: str, changes: Made, path: str) -> None:
    answer = post(to, **changes)
    assert answer.status_code == 422
    assert [wrong["path"] for wrong in answer.json()["validationErrors"]] == [path]


@pytest.mark.parametrize(("delimiter", "version", "extra"), [(",", None, set()), (";", "v2", {"channel"})])
def test_a_file_is_a_zip_of_one_csv_with_a_bom_that_adds_up(
    sandbox: Sandbox, create: Create, delimiter: str, version: str | None, extra: set[str]
) -> None:
    made = create(delimiter=delimiter, version=version)
    rows = rows_of(requests.get(made["fileUrl"], timeout=9).content, delimiter)
    truth = sandbox.truth_of(made["id"])
    assert len(rows) == truth.rows == made["total"] == made["progress"] > 100
    assert sum((Decimal(row["amount"] or 0) for row in rows), Decimal(0)) == truth.sums["amount"]
    assert set(rows[0]) == {"id", "date", "type", "contact", "quantity", "amount"} | extra
    assert moments(rows)[0] >= "2026-09-01T"
    assert moments(rows)[-1] < "2026-10-01T"


def test_a_report_has_its_last_day_in_it(create: Create) -> None:
    made = create("/exports/type/data-explorer", filters={**DAYS, "toDate": "2026-09-02"}, dateFormat=None)
    days = {moment[:10] for moment in moments(rows_of(requests.get(made["fileUrl"], timeout=9).content))}
    assert days == {"2026-09-01", "2026-09-02"}


def test_contacts_have_no_window(create: Create) -> None:
    made = create(exportType="contacts", filters=None)
    rows = rows_of(requests.get(made["fileUrl"], timeout=9).content)
    assert {row["created"][:7] for row in rows} >= {"2026-01", "2026-11"}


def test_the_address_of_a_file_is_another_on_every_look_and_lives_100_minutes(
    sandbox: Sandbox, session: requests.Session, clock: ManualClock, create: Create
) -> None:
    made = create()
    (listed,) = [e for e in session.get(f"{sandbox.url}/exports").json()["results"] if e["id"] == made["id"]]
    assert listed["fileUrl"] != made["fileUrl"]
    clock.advance(99 * MINUTE)
    assert requests.get(made["fileUrl"], timeout=9).status_code == 200
    clock.advance(MINUTE)
    assert requests.get(made["fileUrl"], timeout=9).status_code == 403
    minted = session.get(f"{sandbox.url}/exports/{made['id']}").json()["fileUrl"]
    assert requests.get(minted, timeout=9).status_code == 200
    assert session.get(minted).status_code == 400  # the storage wants the signature, and no key beside it


@pytest.mark.parametrize(("foreign", "pages"), [(0, [0]), (50, [50]), (51, [50, 1]), (120, [50, 50, 20])])
def test_pages_lead_to_one_another_and_the_last_one_to_none(
    clock: ManualClock, session: requests.Session, foreign: int, pages: list[int]
) -> None:
    with started(clock, foreign=foreign) as sandbox:
        url, sizes, seen = f"{sandbox.url}/exports", [], []
        while url:
            page = session.get(url).json()
            sizes.append(len(page["results"]))
            seen += [(export["createdAt"], export["id"]) for export in page["results"]]
            assert ("links" in page) == (len(pages) > 1)
            url = page.get("links", {}).get("next")
    assert (sizes, len(set(seen))) == (pages, foreign)
    assert [at for at, _ in seen] == sorted((at for at, _ in seen), reverse=True)


def test_others_have_exports_of_every_kind_made_in_the_app_and_elsewhere(
    clock: ManualClock, session: requests.Session
) -> None:
    with started(clock, foreign=150) as sandbox:
        listed = [session.get(f"{sandbox.url}/exports?page={number}").json()["results"] for number in (1, 2, 3)]
        exports = [export for page in listed for export in page]
        assert sandbox.exports == []
    assert {export["exportType"] for export in exports} == set(Sandbox.fields)
    assert {export["origin"] for export in exports} == {"api", "app"}
    ours = {"exportType": "activities", "origin": "api", "delimiter": ",", "dateFormat": "ISO", "version": "v1"}
    alike = [export for export in exports if ours.items() <= export.items() and len(export["filters"]) == 2]
    assert len(alike) > 5


def test_days_can_be_repeated_as_the_instants_that_they_are(clock: ManualClock, session: requests.Session) -> None:
    with started(clock, days_as_timestamps=True) as sandbox:
        body = {"delimiter": ",", "filters": DAYS}
        made = session.post(f"{sandbox.url}/exports/type/data-explorer", json=body).json()
    assert made["filters"]["fromDate"] == "2026-09-01T00:00:00.000Z"
    assert made["filters"]["toDate"] == "2026-09-30T23:59:59.999Z"


def test_a_429_names_the_instant_from_which_to_come_again(sandbox: Sandbox, session: requests.Session) -> None:
    sandbox.faults.inject(Fault.TOO_MANY_REQUESTS, value=30)
    answer = session.get(f"{sandbox.url}/exports")
    assert (answer.status_code, answer.content, "Retry-After" in answer.headers) == (429, b"", False)
    assert 28 <= int(answer.headers["X-RateLimit-Reset"]) - time.time() <= 30
