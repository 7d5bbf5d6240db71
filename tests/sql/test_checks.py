"""Each check is silent over good rows and names the bad one."""

from collections.abc import Callable
from typing import Any

import duckdb
import pytest

Add = Callable[..., None]
Rows = Callable[[str], list[dict[str, Any]]]
Build = Callable[..., None]

START = "2026-10-05 10:00:00"
GOOD_IN = {
    "call_id": "good",
    "attempt": 1,
    "connected_at": "2026-10-05 10:00:01",
    "ended_at": "2026-10-05 10:01:00",
    "duration_seconds": 59,
    "toll_free_usd": "0.001",
    "pstn_usd": "0.002",
    "metered_usd": None,
    "cnam_usd": "0",
    "total_usd": "0.003",
}
GOOD_OUT = {
    "connected_at": "2026-10-05 10:00:01",
    "ended_at": "2026-10-05 10:01:00",
    "duration_seconds": 60,  # one more than the instants say: the vendor's own rounding
    "billing_seconds": 60,
    "charged_usd": "0.01",
}
FAILED = {"connected_at": None, "ended_at": None, "duration_seconds": 0}

BAD = [
    ("rows_outside_month", "cdr_in", {"month": "2026-09"}),
    ("rows_outside_month", "cdr_out", {"month": "2026-11"}),
    ("duration_differs_from_instants", "cdr_in", {"duration_seconds": 61}),
    ("duration_differs_from_instants", "cdr_out", {"duration_seconds": 57}),
    ("instants_out_of_order", "cdr_in", {"connected_at": "2026-10-05 09:59:59"}),
    ("instants_out_of_order", "cdr_out", {"ended_at": "2026-10-05 10:00:00"}),
    ("total_differs_from_parts", "cdr_in", {"total_usd": "0.003001"}),
    ("total_differs_from_parts", "cdr_in", {"total_usd": None}),
    ("repeated_attempts", "cdr_in", {"call_id": "good"}),
    ("repeated_attempts", "cdr_in", {"call_id": "good", "attempt": None}),
    ("recurring_call_ids", "cdr_in", {"call_id": "good"}),
    ("recurring_call_ids", "cdr_in", {"call_id": "good", "attempt": 2, "did_number": "8"}),
    ("attempts_without_first", "cdr_in", {"attempt": 2}),
    ("calls_answered_twice", "cdr_in", {"call_id": "good", "attempt": 2}),
    ("answered_with_zero_duration", "cdr_in", {"duration_seconds": 0}),
    ("answered_with_zero_duration", "cdr_out", {"duration_seconds": None}),
    ("unanswered_with_duration", "cdr_in", {"connected_at": None}),
    ("unanswered_with_duration", "cdr_out", {"connected_at": None}),
    ("unanswered_with_money", "cdr_in", FAILED),
    ("unanswered_with_money", "cdr_out", FAILED),
    ("cells_not_as_served", "cdr_in", {"extra": "{connected_at as served=1970-01-01 00:00:00, New=1}"}),
    ("cells_not_as_served", "cdr_out", {"extra": "{rate_usd as served=0.00642125}"}),
    ("amounts_out_of_range", "cdr_in", {"cnam_usd": "-0.001"}),
    ("amounts_out_of_range", "cdr_in", {"total_usd": "20000"}),
    ("amounts_out_of_range", "cdr_out", {"charged_usd": "-0.000001"}),
    ("amounts_out_of_range", "cdr_out", {"rate_usd": "999999999999.999999"}),
]


@pytest.fixture
def good(add: Add) -> Add:
    """Good rows of every kind, and the way to add another that differs."""
    add("cdr_in", START, **GOOD_IN)
    add(
        "cdr_in",
        START,
        **{**GOOD_IN, **FAILED, "call_id": "two", "total_usd": "0", "toll_free_usd": 0, "pstn_usd": None},
    )
    add(
        "cdr_in",
        START,
        **{**GOOD_IN, "call_id": "two", "attempt": 2, "duration_seconds": 58, "extra": "{New as served=1}"},
    )
    for _ in range(2):  # distinct calls can be byte-identical, and say so by having no id
        add("cdr_in", START, source_number="1", did_number="9", attempt=1, duration_seconds=0)
    add("cdr_out", START, **GOOD_OUT)
    add("cdr_out", "2026-10-31 23:59:59", **{**FAILED, "charged_usd": "0"})
    return add


def test_good_rows_pass_every_check(good: Add, build: Build, rows: Rows, checks: dict[str, str]) -> None:
    build()
    assert {name: rows(text) for name, text in checks.items()} == {name: [] for name in checks}


@pytest.mark.parametrize(("check", "record_type", "cells"), BAD)
def test_a_check_names_the_bad_row_and_only_that(
    check: str, record_type: str, cells: dict[str, object], good: Add, build: Build, rows: Rows, checks: dict[str, str]
) -> None:
    whole = {**GOOD_IN, "call_id": "bad"} if record_type == "cdr_in" else GOOD_OUT
    good(record_type, START, row_number=4711, **{**whole, **cells})
    build()
    (found,) = rows(checks[check])
    assert found["month"] == cells.get("month", "2026-10")
    assert 4711 in {found.get("row_number"), found.get("last_row_number")}


@pytest.mark.parametrize(
    "fault",
    [
        "DELETE FROM staging.calls_in WHERE call_id = 'two'",
        "INSERT INTO staging.calls_out SELECT * FROM staging.calls_out LIMIT 1",
        "UPDATE staging.calls_in SET total_usd = total_usd + 0.000001 WHERE call_id = 'good'",
        "UPDATE staging.calls_in SET duration_seconds = 1 WHERE call_id = 'good'",
        "DELETE FROM staging.calls_out",
    ],
)
def test_calls_that_lose_or_double_something_are_found(
    fault: str, good: Add, con: duckdb.DuckDBPyConnection, build: Build, rows: Rows, checks: dict[str, str]
) -> None:
    build()
    con.execute(fault)
    assert [row["month"] for row in rows(checks["calls_keep_rows"])] == ["2026-10"]


@pytest.mark.parametrize(
    ("fault", "mart"),
    [
        ("UPDATE marts.daily_traffic SET attempts = attempts + 1 WHERE direction = 'in'", "daily_traffic"),
        ("UPDATE marts.daily_traffic SET cost_usd = 0 WHERE direction = 'in'", "daily_traffic"),
        ("DELETE FROM marts.hourly_traffic WHERE direction = 'in'", "hourly_traffic"),
        ("DELETE FROM marts.trunk_quality WHERE direction = 'out'", "trunk_quality"),
        ("DELETE FROM marts.disconnect_causes WHERE direction = 'out'", "disconnect_causes"),
        ("UPDATE marts.cost_by_did SET calls = 0", "cost_by_did"),
        ("UPDATE marts.cost_by_country SET charged_usd = 1", "cost_by_country"),
    ],
)
def test_a_mart_that_does_not_count_every_record_once_is_named(
    fault: str, mart: str, good: Add, con: duckdb.DuckDBPyConnection, build: Build, rows: Rows, checks: dict[str, str]
) -> None:
    build()
    con.execute(fault)
    assert [row["mart"] for row in rows(checks["marts_keep_rows"])] == [mart]


def test_a_seed_that_contradicts_itself_is_named_and_doubles_no_attempt(
    good: Add, con: duckdb.DuckDBPyConnection, build: Build, rows: Rows, checks: dict[str, str]
) -> None:
    good("cdr_in", START, attempt=1, call_id="busy", disconnect_code="486", disconnect_reason="Busy")
    con.execute("INSERT INTO seeds.disconnect_classes VALUES ('486', 'network', NULL, NULL, 'again')")
    build()
    (found,) = rows(checks["causes_classed_twice"])
    assert (found["month"], found["disconnect_code"], found["class"], found["lines"]) == (
        "2026-10",
        "486",
        "network",
        2,
    )
    assert rows(checks["marts_keep_rows"]) == []
    # a line that says more wins, so there is no contradiction any more
    con.execute("INSERT INTO seeds.disconnect_classes VALUES ('486', 'user_busy', 'busy', NULL, 'that one')")
    build()
    assert rows(checks["causes_classed_twice"]) == []


@pytest.mark.parametrize(
    ("noted", "silent"),
    [
        ({}, True),
        ({"rows": 2}, False),
        ({"rejected_rows": 1}, False),
        ({"duration_seconds": 58}, False),
        ({"cost_usd": "0.003001"}, False),
        ({"control_totals": '{"rows": 2}'}, False),
    ],
)
def test_a_month_that_is_not_what_its_file_held_is_named(
    con: duckdb.DuckDBPyConnection, add: Add, rows: Rows, checks: dict[str, str], noted: dict[str, Any], silent: bool
) -> None:
    add("cdr_in", START, **GOOD_IN)
    export = {
        "record_type": "cdr_in",
        "month": "2026-10",
        "export_id": "e",
        "rows": 1,
        "rejected_rows": 0,
        "duration_seconds": 59,
        "cost_usd": "0.003",
        "control_totals": '{"rows": 1}',
    } | noted
    con.execute("INSERT INTO coverage (record_type, month, export_id) VALUES ('cdr_in', '2026-10', 'e')")
    marks = ", ".join("?" for _ in export)
    con.execute(f"INSERT INTO exports ({', '.join(export)}) VALUES ({marks})", list(export.values()))
    assert (rows(checks["control_totals_differ"]) == []) is silent


def test_every_check_has_a_row_that_fails_it(checks: dict[str, str]) -> None:
    elsewhere = {"calls_keep_rows", "marts_keep_rows", "control_totals_differ", "causes_classed_twice"}
    elsewhere |= {"costs_keep_totals"}  # in test_costs
    elsewhere |= {"reconciliation_differs", "amounts_unknown"}  # in test_reconciliation
    elsewhere |= {"concurrency_keeps_seconds", "what_if_keeps_spend"}  # in test_concurrency, test_capacity
    assert {check for check, *_ in BAD} | elsewhere == checks.keys()
