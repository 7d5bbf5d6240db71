import csv
import io
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import GoneError, PermanentError, TransientError
from pipeline.export import packagex
from pipeline.export.packagex import Vendor
from pipeline.export.protocol import Export, Request, Status
from pipeline.months import Month
from pipeline.normalise.convert import Origin, convert
from pipeline.normalise.packagex import table
from pipeline.sandbox import Fault, ManualClock, Operation
from pipeline.sandbox.packagex import Sandbox
from tests.export.dialects.packagex import CONTACTS, SHIPMENTS, client

KEY = "k-4711-secret"
OCTOBER = Month(2026, 10)
FOREIGN = 24
ASKED = Request(SHIPMENTS, OCTOBER, OCTOBER.start, OCTOBER.end, "cdr/main/packagex_shipment/2026-10/day7")
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)

Serve = Callable[
    [Callable[[str], tuple[int, dict[str, str], bytes]]], tuple[str, list[tuple[str, str, dict[str, str]]]]
]


def options(clock: ManualClock, **other: Any) -> dict[str, Any]:
    at_once = {"pending": timedelta(0), "processing": timedelta(0), "rate_limit": None}
    return {"clock": clock, "api_key": KEY, "foreign": FOREIGN, "rows_per_day": 5, **at_once, **other}


@pytest.fixture
def sandbox(clock: ManualClock) -> Iterator[Sandbox]:
    with Sandbox(**options(clock)) as running:
        yield running


@pytest.fixture
def vendor(sandbox: Sandbox) -> Vendor:
    return client(sandbox.url, KEY)


def listed(vendor: Vendor, export: Export) -> Export:
    return next(one for one in vendor.exports() if one.id == export.id)


@pytest.fixture
def ready(vendor: Vendor) -> Export:
    return listed(vendor, vendor.request(ASKED))


def rows(vendor: Vendor, export: Export) -> list[dict[str, str]]:
    with vendor.open(export) as response:
        text = response.raw.read().decode()
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


class TestAsking:
    def test_says_what_the_documents_require_and_no_more(self, sandbox: Sandbox, vendor: Vendor) -> None:
        vendor.request(ASKED)
        (sent,) = sandbox.requests
        assert (sent.method, sent.path) == ("POST", "/v1/exports")
        assert json.loads(sent.body) == {
            "resource": "shipment",
            "options": {"limit": "all", "order_by": "created_at", "direction": "asc", "created_at": "gte:2026-09-30"},
            "csv_field_options": {
                "timezone": "UTC",
                "datetime_format": "yyyy-MM-dd HH:mm:ss",
                "columns": dict.fromkeys(SHIPMENTS.fields, True),
            },
        }

    def test_sends_the_filters_and_options_of_the_dataset_and_its_own_window(
        self, sandbox: Sandbox, vendor: Vendor
    ) -> None:
        flattened = replace(CONTACTS, options={"nested": "flatten"})
        vendor.request(replace(ASKED, dataset=flattened))
        body = json.loads(sandbox.requests[-1].body)
        assert body["options"]["group_id"] == "grp_1"
        assert (body["options"]["order_by"], body["options"]["updated_at"]) == ("updated_at", "gte:2026-09-30")
        assert body["csv_field_options"]["nested"] == "flatten"

    def test_for_what_the_vendor_refuses_tells_its_reason(self, vendor: Vendor) -> None:
        unknown = replace(SHIPMENTS, fields={**SHIPMENTS.fields, "colour": "text"})
        with pytest.raises(PermanentError, match=r"^POST \S+ was refused \(HTTP 400\): csv_field[^\n]+ colour\.$"):
            vendor.request(replace(ASKED, dataset=unknown))

    @pytest.mark.parametrize("wrapped", [True, False])
    def test_and_looking_find_the_record_under_data_and_without(self, clock: ManualClock, wrapped: bool) -> None:
        with Sandbox(**options(clock, wrapped=wrapped)) as sandbox:
            vendor = client(sandbox.url, KEY)
            export = vendor.request(ASKED)
            assert export.status is Status.PENDING
            assert rows(vendor, listed(vendor, export))


class TestItsList:
    def test_is_asked_for_newest_first_a_hundred_to_a_page(self, clock: ManualClock) -> None:
        with Sandbox(**options(clock, foreign=231)) as sandbox:
            found = client(sandbox.url, KEY).exports()
            assert [r.path for r in sandbox.requests] == [
                f"/v1/exports?page={page}&limit=100&order_by=created_at&direction=desc" for page in (1, 2, 3)
            ]
        assert len({export.id for export in found}) == 231
        created = [export.created_at for export in found]
        assert created == sorted(created, reverse=True)

    @pytest.mark.parametrize("value", ["failed", "timed_out"])
    def test_tells_what_failed(self, sandbox: Sandbox, vendor: Vendor, ready: Export, value: str) -> None:
        sandbox.faults.inject(Fault.FAILED, match=lambda export: export.id == ready.id, value=value)
        failed = listed(vendor, ready)
        assert (failed.status, failed.vendor_status, failed.ready) == (Status.FAILED, value, False)

    def test_whose_vendor_does_not_count_is_read_to_where_nothing_more_is_said_to_come(self, serve: Serve) -> None:
        def page(path: str) -> tuple[int, dict[str, str], bytes]:
            number = int(path.partition("page=")[2].partition("&")[0])
            data = [{"id": f"exp_{number}"}]
            return 200, {}, json.dumps({"data": data, "pagination": {"has_more": number < 3}}).encode()

        assert [export.id for export in client(serve(page)[0], KEY).exports()] == ["exp_1", "exp_2", "exp_3"]

    @pytest.mark.parametrize("pagination", [None, {}, {"has_more": False, "total_count": None}, "none"])
    def test_of_one_page_needs_no_pagination(self, serve: Serve, pagination: object) -> None:
        body = json.dumps({"data": [{"id": "exp_1"}], "pagination": pagination}).encode()
        assert len(client(serve(lambda path: (200, {}, body))[0], KEY).exports()) == 1

    @pytest.mark.parametrize("body", [{"data": None}, {"data": {}}, {}, {"data": [{"status": "completed"}]}, [], 1])
    def test_is_no_list_where_exports_cannot_be_told(self, serve: Serve, body: object) -> None:
        with pytest.raises(TransientError, match=r"try again later\.$"):
            client(serve(lambda path: (200, {}, json.dumps(body).encode()))[0], KEY).exports()

    def test_does_not_follow_pages_that_bring_nothing_new(self, clock: ManualClock) -> None:
        with Sandbox(**options(clock, foreign=150)) as sandbox:
            sandbox.faults.inject(Fault.ENDLESS_NEXT, times=None)
            with pytest.raises(TransientError, match="was read already"):
                client(sandbox.url, KEY).exports()
            assert len(sandbox.requests) == 2

    def test_is_read_again_where_pages_shifted_and_in_doubt_where_they_do_not_stop(self, clock: ManualClock) -> None:
        with Sandbox(**options(clock, foreign=250)) as sandbox:
            vendor = client(sandbox.url, KEY)
            sandbox.faults.inject(Fault.LIST_SHRINKS)
            assert {export.id for export in vendor.exports()} >= {export.id for export in sandbox.account.all()}
            fault = sandbox.faults.inject(Fault.LIST_SHRINKS, times=None)
            assert "some may be missing" in vendor.exports().doubt
            assert fault.hits == 2 * 3

    def test_of_an_export_that_comes_late_is_whole_without_it(
        self, sandbox: Sandbox, vendor: Vendor, ready: Export
    ) -> None:
        sandbox.faults.inject(Fault.LATE, times=2)
        sizes = [len(vendor.exports()) for _ in range(3)]
        assert sizes == [FOREIGN, FOREIGN, FOREIGN + 1]

    def test_forgets_an_export_after_a_day_and_its_file_with_it(
        self, clock: ManualClock, vendor: Vendor, ready: Export
    ) -> None:
        clock.advance(timedelta(hours=24))
        assert vendor.exports() == []
        with pytest.raises(GoneError, match=r"HTTP 404\)"):
            vendor.open(ready)

    @given(st.dictionaries(st.sampled_from(["resource", "status", "created_at", "options"]), _JSON))
    def test_reads_whatever_an_export_has_beside_its_id(self, item: dict[str, Any]) -> None:
        export = packagex._parse({**item, "id": "exp_1"})
        assert export.id == "exp_1"
        assert export.created_at.tzinfo is UTC

    @pytest.mark.parametrize("value", [1793534400, 1793534400.0, "2026-11-01T12:00:00Z", "2026-11-01T14:00+02:00"])
    def test_reads_when_an_export_was_created_however_that_is_written(self, value: object) -> None:
        export = packagex._parse({"id": "exp_1", "created_at": value})
        assert export.created_at == datetime(2026, 11, 1, 12, 0, tzinfo=UTC)

    @pytest.mark.parametrize(("said", "told"), [("completed", 1234), ("processing", None), ("failed", None)])
    def test_tells_how_many_records_a_completed_export_holds(self, said: str, told: int | None) -> None:
        assert packagex._parse({"id": "exp_1", "status": said, "count_total": 1234}).records == told

    @pytest.mark.parametrize("odd", [None, "", "1500", -1, True, 1500.0, 2**63, []])
    def test_takes_nothing_else_for_a_number_of_records(self, odd: object) -> None:
        assert packagex._parse({"id": "exp_1", "status": "completed", "count_total": odd}).records is None


class TestHolding:
    def test_is_by_resource_where_the_list_repeats_no_more(self, vendor: Vendor, ready: Export) -> None:
        assert vendor.holds(ready, SHIPMENTS)
        assert not vendor.holds(ready, CONTACTS)

    def test_is_by_all_that_the_list_repeats_but_the_window(self, vendor: Vendor, ready: Export) -> None:
        asked = packagex._body(SHIPMENTS)
        same = {"options": {**asked["options"], "created_at": "gte:2020-01-01", "group_id": None}}
        form = {"csv_field_options": {**asked["csv_field_options"], "nested": "merge"}}
        assert all(vendor.holds(replace(ready, filters=told), SHIPMENTS) for told in (same, form, {**same, **form}))
        others: list[dict[str, Any]] = [
            {"options": {**same["options"], "group_id": "grp_1"}},
            {"options": {**same["options"], "limit": 10}},
            {"options": {}},
            {"csv_field_options": {"columns": {"id": True}}},
            {"csv_field_options": {**form["csv_field_options"], "timezone": "America/New_York"}},
        ]
        for other in others:
            assert not vendor.holds(replace(ready, filters={**same, **form, **other}), SHIPMENTS)


class TestItsFiles:
    def test_hold_the_month_to_the_last_digit_and_lie_outside_it_only_around_it(
        self, sandbox: Sandbox, vendor: Vendor, ready: Export
    ) -> None:
        found = rows(vendor, ready)
        assert list(found[0]) == list(SHIPMENTS.fields)
        assert len(found) == sandbox.truth_of(ready.id).rows
        created = [datetime.fromisoformat(row["created_at"]).replace(tzinfo=UTC) for row in found]
        assert min(created) >= OCTOBER.start - timedelta(days=1)
        inside = [row for row, at in zip(found, created, strict=True) if OCTOBER.holds(at)]
        truth = sandbox.truth("shipment", OCTOBER.start, OCTOBER.end)
        assert len(inside) == truth.rows
        assert sum(Decimal(row["weight"] or 0) for row in inside) == truth.sums["weight"]
        assert sum(int(row["pieces"] or 0) for row in inside) == truth.sums["pieces"]

    @pytest.mark.parametrize("crossed", [False, True])
    def test_are_told_of_whichever_way_the_flags_are_meant(self, clock: ManualClock, crossed: bool) -> None:
        with Sandbox(**options(clock, crossed=crossed)) as sandbox:
            vendor = client(sandbox.url, KEY)
            assert rows(vendor, listed(vendor, vendor.request(ASKED)))

    def test_are_looked_up_anew_each_time_and_fetched_without_the_key(
        self, sandbox: Sandbox, vendor: Vendor, ready: Export
    ) -> None:
        for _ in range(2):
            vendor.open(ready).close()
        shown, first, again, second = sandbox.requests[-4:]
        assert shown.path == again.path == f"/v1/exports/{ready.id}?include_csv=true&include_json=true"
        assert first.path != second.path
        for fetched in (first, second):
            assert fetched.headers["Host"].startswith("localhost:")
            assert "PX-API-KEY" not in fetched.headers

    def test_whose_address_expired_are_fetched_from_a_new_one_next_time(
        self, sandbox: Sandbox, vendor: Vendor, ready: Export
    ) -> None:
        sandbox.faults.inject(Fault.POINTER_EXPIRED)
        with pytest.raises(TransientError, match=r"^GET http://localhost:[^\n?]+ try again later\.$"):
            vendor.open(ready)
        assert rows(vendor, ready)

    def test_that_are_not_told_of_yet_are_there_later(self, sandbox: Sandbox, vendor: Vendor, ready: Export) -> None:
        sandbox.faults.inject(Fault.WITHOUT_URL)
        with pytest.raises(TransientError, match=r"has no file yet; try again later\.$"):
            vendor.open(ready)
        assert rows(vendor, ready)

    def test_are_taken_up_where_they_broke_off(self, vendor: Vendor, ready: Export) -> None:
        with vendor.open(ready) as response:
            whole, etag = response.raw.read(), response.headers["ETag"]
        with vendor.open(ready, 100, etag) as response:
            assert (response.status_code, response.raw.read()) == (206, whole[100:])

    def test_of_an_export_that_vanished_are_gone(self, sandbox: Sandbox, vendor: Vendor, ready: Export) -> None:
        sandbox.faults.inject(Fault.VANISHED, times=None)
        assert ready.id not in {export.id for export in vendor.exports()}
        with pytest.raises(GoneError):
            vendor.open(ready)


class TestReading:
    def test_loads_every_record_into_one_month_to_the_last_digit(
        self, sandbox: Sandbox, vendor: Vendor, tmp_path: Path
    ) -> None:
        for month in (OCTOBER.shift(-1), OCTOBER, OCTOBER.shift(1)):
            export = listed(vendor, vendor.request(replace(ASKED, month=month, start=month.start, end=month.end)))
            with vendor.open(export) as response:
                (tmp_path / "served.csv").write_bytes(response.raw.read())
            origin = Origin(SHIPMENTS.name, month, export.id)
            rows, rejects = tmp_path / "rows.parquet", tmp_path / "rejects.parquet"
            said = convert(tmp_path / "served.csv", origin, table(SHIPMENTS), rows, rejects)
            truth = sandbox.truth("shipment", month.start, month.end)
            assert (said.loaded.rows, said.loaded.sums["weight"]) == (truth.rows, truth.sums["weight"])
            assert (said.rejected.rows, said.outside_month, said.extras) == (0, 0, ())

    def test_refuses_times_with_a_zone_which_are_not_asked_for(self) -> None:
        zoned = replace(SHIPMENTS, fields={**SHIPMENTS.fields, "updated_at": "timestamptz"})
        with pytest.raises(
            PermanentError, match=r"packagex_shipment declares updated_at .+ declare it as a timestamp\.$"
        ):
            table(zoned)


def test_waits_as_long_as_the_vendor_says(sandbox: Sandbox, vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    sandbox.faults.inject(Fault.TOO_MANY_REQUESTS, on=Operation.LIST, value=7)
    assert len(vendor.exports()) == FOREIGN
    assert 7 in slept
