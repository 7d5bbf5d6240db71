"""What the archive's control totals say, beside what is published: to the last digit, component by component."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

import duckdb
import pytest
from pydantic import SecretStr

from pipeline.months import Month
from pipeline.normalise.didww import TABLES
from pipeline.operations.ledger import control_totals
from pipeline.operations.wiring import Operations
from pipeline.sandbox import Fault, Sandbox
from pipeline.settings import Settings
from pipeline.warehouse.reading import ask
from pipeline.warehouse.records import KnownExport

Add = Callable[..., None]
Build = Callable[..., None]
Rows = Callable[[str], list[dict[str, Any]]]

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MONTH = "2026-10"
TOTALS: dict[str, float | str] = {
    "rows": 3,
    "duration_seconds": 100,
    "toll_free_usd": "0.000001",
    "total_usd": "0.030001",
}


@pytest.fixture
def archived(con: duckdb.DuckDBPyConnection, add: Add) -> Callable[..., None]:
    """Two rows, and an archive that had three records of which one was rejected; with totals as given."""
    start = f"{MONTH}-05 10:00:00"
    add("cdr_in", start, duration_seconds=60, toll_free_usd="0.000001", total_usd="0.010001")
    add("cdr_in", start, duration_seconds=30, total_usd="0.01")

    def note(export_id: str = "e", unknown: Mapping[str, int] = MappingProxyType({}), **totals: object) -> None:
        rejected = {"rows": 1, "duration_seconds": 10, "total_usd": "0.01"}
        for name, amount in (TOTALS | {n: t for n, t in totals.items() if n != "counted"}).items():
            counted = totals.get("counted", amount) if name == "rows" else None
            values = ["cdr_in", MONTH, export_id, name, str(amount), str(rejected.get(name, 0)), counted]
            con.execute("INSERT INTO control_totals VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [*values, unknown.get(name)])
        con.execute("INSERT INTO coverage (record_type, month, export_id) VALUES ('cdr_in', ?, 'e')", [MONTH])

    return note


def test_published_and_rejected_are_what_was_archived(
    archived: Callable[..., None], con: duckdb.DuckDBPyConnection, build: Build, rows: Rows, checks: dict[str, str]
) -> None:
    archived()
    con.execute("INSERT INTO control_totals VALUES ('cdr_in', ?, 'earlier', 'rows', 99, 0, 99, 0)", [MONTH])
    build()
    found = {row["component"]: row for row in rows("FROM trends.reconciliation")}
    amounts = {name: (row["archived"], row["rejected"], row["published"]) for name, row in found.items()}
    assert amounts == {
        "rows": (3, 1, 2),
        "duration_seconds": (100, 10, 90),
        "toll_free_usd": (Decimal("0.000001"), 0, Decimal("0.000001")),
        "total_usd": (Decimal("0.030001"), Decimal("0.01"), Decimal("0.020001")),
    }
    assert {str(row["difference"]) for row in found.values()} == {"0.000000"}
    assert {row["export_id"] for row in found.values()} == {"e"}
    assert rows(checks["reconciliation_differs"]) == rows(checks["amounts_unknown"]) == []


def test_records_that_the_bytes_hold_and_the_reader_did_not_see_are_named(
    archived: Callable[..., None], build: Build, rows: Rows, checks: dict[str, str]
) -> None:
    archived(counted=4)
    build()
    (found,) = rows(checks["reconciliation_differs"])
    assert (found["component"], found["counted"], found["archived"], found["difference"]) == ("rows", 4, 3, 0)


def test_a_load_of_before_that_counted_nothing_differs_in_nothing(
    archived: Callable[..., None], build: Build, rows: Rows, checks: dict[str, str]
) -> None:
    archived(counted=None)
    build()
    assert rows(checks["reconciliation_differs"]) == rows(checks["amounts_unknown"]) == []


def test_amounts_that_are_in_no_sum_are_told(
    archived: Callable[..., None], build: Build, rows: Rows, checks: dict[str, str]
) -> None:
    archived(unknown={"total_usd": 1, "duration_seconds": 0})
    build()
    (found,) = rows(checks["amounts_unknown"])
    assert (found["component"], found["unknown"], found["archived"]) == ("total_usd", 1, Decimal("0.030001"))
    assert rows(checks["reconciliation_differs"]) == []


@pytest.mark.parametrize("digit", ["0.000001", "-0.000001"])
@pytest.mark.parametrize("component", [*TOTALS, "pstn_usd", "a_column_that_nobody_knows"])
def test_a_difference_in_the_last_digit_is_named(
    component: str, digit: str, archived: Callable[..., None], build: Build, rows: Rows, checks: dict[str, str]
) -> None:
    archived(**{component: Decimal(TOTALS.get(component, 0)) + Decimal(digit)})
    build()
    (found,) = rows(checks["reconciliation_differs"])
    assert (found["month"], found["record_type"], found["component"]) == (MONTH, "cdr_in", component)
    assert found["difference"] == Decimal(digit)


def test_a_month_whose_rows_are_gone_is_named(
    archived: Callable[..., None], con: duckdb.DuckDBPyConnection, build: Build, rows: Rows, checks: dict[str, str]
) -> None:
    archived()
    con.execute("DELETE FROM all_cdr_in")
    build()
    assert {row["component"] for row in rows(checks["reconciliation_differs"])} == set(TOTALS)
    con.execute("UPDATE coverage SET state = 'expired'")  # they were to be forgotten
    assert rows(checks["reconciliation_differs"]) == []


@pytest.mark.parametrize("record_type", ["cdr_in", "cdr_out"])
def test_every_control_column_has_its_sum_in_the_reconciliation(record_type: str, trends: dict[str, str]) -> None:
    for name in ("rows", *TABLES[record_type].control):
        assert f"WHEN '{name}' THEN published." in trends["trends.reconciliation"]


def test_from_the_vendors_file_to_the_published_table_nothing_differs(tmp_path: Path) -> None:
    with Sandbox(
        calls_per_day=4, clock=lambda: NOW, pending=timedelta(0), processing=timedelta(0), rate_limit=None
    ) as sandbox:
        settings = Settings(
            didww_api_key=SecretStr(sandbox.api_key),
            didww_api_url=sandbox.url,
            cdr_data_dir=tmp_path,
            _env_file=None,
        )
        operations = Operations(settings, clock=lambda: NOW)
        sandbox.faults.inject(Fault.RAGGED_ROW)  # one record of the first file is rejected
        for record_type in settings.cdr_record_types:
            (asked,) = operations.requester.request(record_type, [Month.parse(MONTH)]).all()
            exports = {export.id: export for export in operations.listings.read("didww")}
            operations.lander.land(record_type, asked.request.month, exports[asked.export.id])
            operations.loader.load(record_type, asked.request.month)
        operations.publisher.publish()
    found = {row[:2]: row[2:] for row in ask(operations.place.warehouse, RECONCILED).rows}
    names = {(one, name) for one in settings.cdr_record_types for name in ("rows", *TABLES[one].control)}
    assert found.keys() == names
    assert {difference for *_, difference in found.values()} == {0}
    assert (found["cdr_in", "rows"][1], found["cdr_out", "rows"][1]) == (1, 0)
    assert all(found[one, "rows"][2] == found[one, "rows"][0] for one in settings.cdr_record_types)
    assert {(one, row[3]) for (one, name), row in found.items() if name != "rows"} == {("cdr_in", 1), ("cdr_out", 0)}
    assert 0 not in (found["cdr_in", "total_usd"][0], found["cdr_out", "charged_usd"][0])


RECONCILED = (
    "SELECT record_type, component, archived, rejected, counted, unknown, difference FROM trends.reconciliation"
)


def test_a_load_that_did_not_note_what_it_rejected_has_rejected_nothing() -> None:
    export = KnownExport(
        "cdr_in", MONTH, "e", "", NOW, NOW, NOW, "{}", "", control_totals='{"rows": 2, "total_usd": "0.1"}'
    )
    found = [(total.name, str(total.amount), str(total.rejected)) for total in control_totals([export])]
    assert found == [("rows", "2", "0"), ("total_usd", "0.1", "0")]
    assert {(total.counted, total.unknown) for total in control_totals([export])} == {(None, None)}
