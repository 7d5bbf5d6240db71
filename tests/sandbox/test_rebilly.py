"""The local Rebilly does what is documented of the real one, and what is not documented either way."""

import csv
import io
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests

from pipeline.sandbox import Fault, ManualClock, Operation
from pipeline.sandbox.rebilly import Sandbox
from pipeline.sandbox.traffic.rows import Row, Truth

KEY = "sk_4711"
WINDOW = {"start": "2026-10-01T00:00:00Z", "end": "2026-11-01T00:00:00Z", "field": "processedTime"}
BODY = {"name": "ours", "resource": "transactions", "format": "csv", "dateRange": WINDOW, "fields": ["id", "amount"]}
OCTOBER, NOVEMBER = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)


class Caller:
    """A session with the key; nothing of the client that is tested elsewhere."""

    def __init__(self, sandbox: Sandbox, session: requests.Session) -> None:
        self.sandbox, self.session = sandbox, session
        self.exports = f"{sandbox.url}/data-exports"

    def create(self, **changes: object) -> requests.Response:
        return self.session.post(self.exports, json={**BODY, **changes})

    def show(self, export: dict[str, Any]) -> dict[str, Any]:
        shown: dict[str, Any] = self.session.get(f"{self.exports}/{export['id']}").json()
        return shown

    def file(self, export: dict[str, Any], rel: str = "download") -> requests.Response:
        (href,) = [link["href"] for link in export["_links"] if link["rel"] == rel]
        answer = self.session.get(href, allow_redirects=False)
        if answer.is_redirect:
            answer = requests.get(answer.headers["Location"], timeout=10)
        return answer

    def rows(self, **changes: object) -> list[dict[str, str]]:
        content = self.file(self.show(self.create(**changes).json())).content
        return [row for part in parts(content) for row in csv.DictReader(part, strict=True)]


def parts(content: bytes) -> list[io.StringIO]:
    if not content.startswith(b"PK"):
        return [io.StringIO(content.decode(), newline="")]
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        return [io.StringIO(packed.read(name).decode(), newline="") for name in packed.namelist()]


@contextmanager
def calling(clock: ManualClock, **options: Any) -> Iterator[Caller]:
    defaults = {"pending": timedelta(0), "processing": timedelta(0), "api_key": KEY, "rate_limit": None}
    with Sandbox(clock=clock, **{**defaults, **options}) as sandbox, requests.Session() as session:
        session.headers["REB-APIKEY"] = KEY
        session.trust_env = False
        yield Caller(sandbox, session)


@pytest.fixture
def caller(clock: ManualClock) -> Iterator[Caller]:
    with calling(clock, rows_per_day=12, part_records=100) as made:
        yield made


class TestTheList:
    @pytest.mark.parametrize(
        "base", ["experimental/organizations/org_sandbox", "organizations/org_sandbox/experimental"]
    )
    def test_is_an_array_under_both_bases_counted_in_headers(self, caller: Caller, base: str) -> None:
        origin = caller.sandbox.url.partition("/experimental")[0]
        answer = caller.session.get(f"{origin}/{base}/data-exports?limit=10&offset=2")
        assert len(answer.json()) == 10
        counts = {name: answer.headers[f"Pagination-{name}"] for name in ("Total", "Limit", "Offset")}
        assert counts == {"Total": "24", "Limit": "10", "Offset": "2"}

    @pytest.mark.parametrize("query", ["offset=1001", "limit=1001", "limit=-1", "offset=x", "filter=name:ours"])
    def test_reaches_no_deeper_and_takes_no_filter_that_is_not_documented(self, caller: Caller, query: str) -> None:
        answer = caller.session.get(f"{caller.exports}?{query}")
        assert (answer.status_code, answer.json()["status"]) == (422, 422)
        assert answer.json()["invalidFields"][0]["field"] == query.partition("=")[0]

    def test_is_in_no_order_unless_one_is_asked_for(self, caller: Caller) -> None:
        def created(query: str) -> list[str]:
            return [export["createdTime"] for export in caller.session.get(caller.exports + query).json()]

        assert created("?sort=-createdTime") == sorted(created(""), reverse=True)
        assert created("?sort=createdTime") == sorted(created("")) != created("")

    def test_can_be_narrowed_to_what_was_created_before_and_counts_that(self, caller: Caller) -> None:
        newest_first = caller.session.get(f"{caller.exports}?sort=-createdTime").json()
        until = newest_first[9]["createdTime"].replace("Z", ".999Z")
        answer = caller.session.get(f"{caller.exports}?sort=-createdTime&filter=createdTime:..{until}")
        assert [e["id"] for e in answer.json()] == [e["id"] for e in newest_first[9:]]
        assert answer.headers["Pagination-Total"] == "15"

    def test_holds_exports_of_others_of_all_kinds(self, clock: ManualClock) -> None:
        with calling(clock, foreign=400, rows_per_day=0) as crowded:
            exports = crowded.session.get(f"{crowded.exports}?limit=1000").json()
        assert {e["status"] for e in exports} == {"pending", "processing", "completed", "failed"}
        assert {e["failureReason"] for e in exports if e["status"] == "failed"} == {
            "max-retries-reached",
            "record-limit-exceeded",
            None,
        }
        assert {e["format"] for e in exports} == {"csv", "detailed-csv", "json", "json-api", "xml", "pdf"}
        assert any(e["recurring"] and e["scheduledTime"] > e["createdTime"] for e in exports)
        assert any(e["dateRange"] is None for e in exports)
        first = {e["_links"][0]["rel"] for e in exports}
        assert first == {"self", "user", "signedLink"}  # of two links or of four, in either order


class TestAnExport:
    def test_is_created_as_asked_and_comes_with_its_address(self, caller: Caller) -> None:
        answer = caller.create()
        made = answer.json()
        assert (answer.status_code, answer.headers["Location"]) == (201, f"{caller.exports}/{made['id']}")
        assert {name: made[name] for name in BODY} == BODY
        assert (made["status"], made["fileId"], made["recordCount"]) == ("queued", None, None)
        assert {link["rel"] for link in made["_links"]} == {"self", "user"}

    def test_goes_its_way_by_the_clock(self, clock: ManualClock) -> None:
        minute = timedelta(minutes=1)
        with calling(clock, pending=minute, processing=minute, rows_per_day=1) as slow:
            made = slow.create().json()
            seen = [slow.show(made)["status"]]
            for _ in range(2):
                clock.advance(minute)
                seen.append(slow.show(made)["status"])
            done = slow.show(made)
        assert seen == ["queued", "processing", "completed"]
        assert done["fileId"]
        assert done["updatedTime"] > done["createdTime"]

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"name": ""}, "name"),
            ({"name": "x" * 51}, "name"),
            ({"resource": "calls"}, "resource"),
            ({"format": "pdf"}, "format"),
            ({"resource": "disputes", "format": "detailed-csv"}, "format"),
            ({"fields": ["id", "charge"]}, "fields"),
            ({"dateRange": {"start": "2026-10-01"}}, "dateRange.end"),
            ({"dateRange": {**WINDOW, "start": "soon"}}, "dateRange.start"),
            ({"dateRange": {**WINDOW, "field": "amount"}}, "dateRange.field"),
            ({"userId": "usr_1"}, "userId"),
        ],
        ids=str,
    )
    def test_of_a_body_that_is_wrong_is_refused_field_by_field(
        self, caller: Caller, changes: dict[str, object], field: str
    ) -> None:
        answer = caller.create(**changes)
        assert (answer.status_code, [f["field"] for f in answer.json()["invalidFields"]]) == (422, [field])

    def test_that_is_too_large_is_refused_with_both_numbers(self, clock: ManualClock) -> None:
        with calling(clock, rows_per_day=12, max_records=50) as strict:
            problem = strict.create().json()
            matched = strict.sandbox.truth("transactions", OCTOBER, NOVEMBER, "processedTime").rows
        assert (problem["type"], problem["status"]) == ("data-export-limit-exceeded", 422)
        assert (problem["matchedRecords"], problem["maxRecords"]) == (matched, 50)

    def test_can_be_changed_while_it_waits_and_deleted_at_any_time(self, clock: ManualClock) -> None:
        with calling(clock, pending=timedelta(minutes=1), rows_per_day=1) as slow:
            made = slow.create().json()
            place = f"{slow.exports}/{made['id']}"
            assert slow.session.put(place, json={**BODY, "name": "another"}).json()["name"] == "another"
            clock.advance(timedelta(minutes=1))
            refused = slow.session.put(place, json=BODY)
            assert (refused.status_code, refused.json()["title"]) == (409, "Conflict")
            assert slow.session.delete(place).status_code == 204
            assert slow.session.get(place).status_code == 404

    @pytest.mark.parametrize("key", [None, "", "another", f"{KEY} "])
    def test_is_nothing_for_anyone_without_the_key(self, caller: Caller, key: str | None) -> None:
        answer = requests.get(caller.exports, headers={"REB-APIKEY": key} if key else {}, timeout=10)
        assert (answer.status_code, answer.json()["title"]) == (401, "Unauthorized")


class TestAFile:
    def test_adds_up_to_the_truth_in_a_zip_of_parts_that_repeat_the_header(self, caller: Caller) -> None:
        made = caller.create(fields=["id", "processedTime", "retryNumber", "amount"]).json()
        content = caller.file(caller.show(made)).content
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            assert len(packed.namelist()) > 2
            assert all(name.endswith(f"-part{n}.csv") for n, name in enumerate(packed.namelist(), 1))
        read = [list(csv.DictReader(part, strict=True)) for part in parts(content)]
        assert [len(part) for part in read][:-1] == [100] * (len(read) - 1)
        rows = [row for part in read for row in part]
        sums = {name: sum((Decimal(row[name] or 0) for row in rows), Decimal(0)) for name in ("retryNumber", "amount")}
        assert Truth(len(rows), sums) == caller.sandbox.truth_of(made["id"])
        assert len(rows) == caller.sandbox.truth("transactions", OCTOBER, NOVEMBER, "processedTime").rows

    def test_of_no_more_than_a_part_is_plain_csv(self, clock: ManualClock) -> None:
        with calling(clock, rows_per_day=2) as quiet:
            assert quiet.file(quiet.show(quiet.create().json())).content.startswith(b"id,amount\n")

    def test_of_an_empty_month_has_a_header(self, clock: ManualClock) -> None:
        with calling(clock, rows_per_day=0) as empty:
            assert empty.file(empty.show(empty.create().json())).content == b"id,amount\n"

    @pytest.mark.parametrize(("inclusive", "there"), [(False, 1), (True, 2)])
    def test_has_the_end_of_its_range_or_not(self, clock: ManualClock, there: int, *, inclusive: bool) -> None:
        fields: Row = {"id": "t", "createdTime": OCTOBER, "type": "", "currency": "", "planName": ""}
        numbers: Row = {"retryNumber": None, "amount": None, "purchaseAmount": None}
        with calling(clock, rows_per_day=0, inclusive_end=inclusive) as caller:
            edges = [{**fields, **numbers, "processedTime": at} for at in (OCTOBER, NOVEMBER)]
            caller.sandbox.add_records("transactions", edges)
            assert len(caller.rows()) == there

    def test_is_behind_the_core_api_which_redirects_to_another_host_where_no_key_may_go(self, caller: Caller) -> None:
        shown = caller.show(caller.create().json())
        (href,) = [link["href"] for link in shown["_links"] if link["rel"] == "download"]
        assert href.endswith(f"/organizations/org_sandbox/files/{shown['fileId']}/download")
        redirect = caller.session.get(href, allow_redirects=False)
        assert (redirect.status_code, requests.get(href, timeout=10).status_code) == (302, 401)
        there = redirect.headers["Location"]
        assert there.startswith("http://localhost:")
        assert caller.session.get(there).status_code == 400

    def test_has_a_signed_link_that_wears_out(self, caller: Caller, clock: ManualClock) -> None:
        shown = caller.show(caller.create().json())
        (signed,) = [link["href"] for link in shown["_links"] if link["rel"] == "signedLink"]
        assert requests.get(signed, timeout=10).status_code == 200
        clock.advance(timedelta(hours=1))
        assert requests.get(signed, timeout=10).status_code == 403


def test_the_rate_limit_names_the_epoch_at_which_it_ends(caller: Caller) -> None:
    caller.sandbox.faults.inject(Fault.TOO_MANY_REQUESTS, on=Operation.LIST, value=60)
    answer = caller.session.get(caller.exports)
    assert answer.json()["title"] == "Rate Limit Exceeded"
    assert "Retry-After" not in answer.headers
    assert 58 < int(answer.headers["X-RateLimit-Retry-After"]) - time.time() <= 60


def test_an_export_that_failed_says_why_and_has_no_file(caller: Caller) -> None:
    caller.sandbox.faults.inject(Fault.FAILED, on=Operation.SHOW)
    shown = caller.show(caller.create().json())
    assert (shown["status"], shown["failureReason"], shown["fileId"]) == ("failed", "max-retries-reached", None)
