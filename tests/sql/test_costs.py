"""Money by DID, country, network, trunk, component and day, exact to the last of six places."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import duckdb
import pytest

Add = Callable[..., None]
Build = Callable[..., None]
Rows = Callable[[str], list[dict[str, Any]]]
Fetch = Callable[..., list[dict[str, Any]]]

START = "2026-10-05 10:00:00"
LATER = "2026-10-07 11:00:00"


def test_a_did_has_its_calls_and_each_part_of_its_money(add: Add, mart: Fetch) -> None:
    first = {"call_id": "a", "did_number": "972"}
    add("cdr_in", START, **first, attempt=1, duration_seconds=0, cnam_usd="0.0001", total_usd="0.0001")
    add(
        "cdr_in",
        START,
        **first,
        attempt=2,
        connected_at="2026-10-05 10:00:01",
        duration_seconds=90,
        toll_free_usd="0.01",
        pstn_usd="0.02",
        metered_usd="0.03",
        cnam_usd="0.0002",
        total_usd="0.0602",
    )
    add("cdr_in", LATER, call_id="b", did_number="972", attempt=1, duration_seconds=0, total_usd="0")
    add("cdr_in", START, call_id="c", did_number="044", attempt=1, duration_seconds=0, total_usd="0.0201")
    other, did = mart("marts.cost_by_did", "did_number")
    assert (other["did_number"], did["did_number"], did["month"]) == ("044", "972", "2026-10")
    assert (did["calls"], did["answered_calls"], did["duration_seconds"], did["minutes"]) == (2, 1, 90, 1.5)
    assert str(did["last_call_at"]) == LATER
    assert (did["toll_free_usd"], did["pstn_usd"], did["metered_usd"]) == (
        Decimal("0.01"),
        Decimal("0.02"),
        Decimal("0.03"),
    )
    # CNAM 0.0001 + 0.0002; total 0.0001 + 0.0602 = 0.0603 of 0.0603 + 0.0201 = 0.0804: 3/4
    assert (did["cnam_usd"], did["total_usd"]) == (Decimal("0.0003"), Decimal("0.0603"))
    assert did["share_of_month"] == pytest.approx(0.75)
    assert other["share_of_month"] == pytest.approx(0.25)


def test_in_a_month_without_a_charge_no_did_has_a_share(add: Add, mart: Fetch) -> None:
    add("cdr_in", "2026-09-05 10:00:00", call_id="a", did_number="972", total_usd="5")
    add("cdr_in", START, call_id="b", did_number="972", total_usd="0")
    add("cdr_in", "2026-11-05 10:00:00", call_id="c", did_number="972", total_usd=None)
    found = [(r["month"], r["total_usd"], r["share_of_month"]) for r in mart("marts.cost_by_did", "month")]
    assert found == [("2026-09", Decimal(5), 1.0), ("2026-10", Decimal(0), None), ("2026-11", Decimal(0), None)]


def test_money_is_added_exactly(add: Add, mart: Fetch) -> None:
    for _ in range(10):
        add("cdr_in", START, did_number="972", total_usd="0.1")
        add("cdr_out", START, charged_usd="0.000001")
    (did,) = mart("marts.cost_by_did")
    (country,) = mart("marts.cost_by_country")
    assert did["total_usd"] == 1  # ten floats of 0.1 are 0.9999999999999999
    assert country["charged_usd"] == Decimal("0.000010")


def test_a_country_has_its_price_by_billed_minute(add: Add, mart: Fetch) -> None:
    uk = {"destination_country": "United Kingdom", "call_type": "International"}
    answer = "2026-10-05 10:00:01"
    add("cdr_out", START, **uk, connected_at=answer, duration_seconds=59, billing_seconds=60, charged_usd="0.010")
    add("cdr_out", START, **uk, connected_at=answer, duration_seconds=61, billing_seconds=120, charged_usd="0.020")
    add("cdr_out", START, **uk, duration_seconds=0, charged_usd="0")
    add("cdr_out", START, call_type="International", duration_seconds=0, charged_usd="0")
    row, unknown = mart("marts.cost_by_country", "destination_country NULLS LAST")
    assert (row["destination_country"], row["call_type"], row["calls"], row["answered_calls"]) == (*uk.values(), 3, 2)
    # 59 + 61 = 120 s over 2 answered; billed 180 s = 3 min for 0.030
    assert (row["acd_seconds"], row["minutes"], row["billed_minutes"]) == (60.0, 2.0, 3.0)
    assert (row["asr_call"], row["cost_per_billed_minute_usd"]) == pytest.approx((2 / 3, 0.01))
    assert row["charged_usd"] == Decimal("0.03")
    assert (unknown["destination_country"], unknown["calls"], unknown["asr_call"]) == (None, 1, 0.0)
    assert (unknown["acd_seconds"], unknown["cost_per_billed_minute_usd"]) == (None, None)


def test_call_types_of_a_country_are_apart(add: Add, mart: Fetch) -> None:
    for call_type in ("Local", "International", "Local"):
        add("cdr_out", START, destination_country="Israel", call_type=call_type)
    found = [(row["call_type"], row["calls"]) for row in mart("marts.cost_by_country", "call_type")]
    assert found == [("International", 1), ("Local", 2)]


ANSWER = "2026-10-05 10:00:01"


@pytest.fixture
def spent(add: Add) -> Add:
    """Two inbound calls, one of two attempts and one with an unexplained charge; three outbound, one of them failed.

    Money is on an attempt without an answer, without a trunk, without a country: none of it may vanish.
    """
    add("cdr_in", START, call_id="a", attempt=1, trunk_name="A", duration_seconds=0, cnam_usd="0.01", total_usd="0.01")
    talk = {"connected_at": ANSWER, "duration_seconds": 120, "trunk_name": "B"}
    parts = {"toll_free_usd": "0.06", "pstn_usd": "0.03", "metered_usd": "0.01"}
    add("cdr_in", START, call_id="a", attempt=2, **talk, **parts, total_usd="0.1")
    add("cdr_in", LATER, call_id="b", attempt=1, **{**talk, "duration_seconds": 60}, pstn_usd="0.03", total_usd="0.04")
    out = {"destination_country": "Germany", "network": "O2", "call_type": "Local", "trunk_name": "C"}
    talk = {"connected_at": ANSWER, "duration_seconds": 50, "billing_seconds": 60, "rate_usd": "0.2"}
    add("cdr_out", START, **out, **talk, charged_usd="0.2")
    add("cdr_out", LATER, **out, **{**talk, "billing_seconds": 120, "rate_usd": "0.3"}, charged_usd="0.6")
    add("cdr_out", LATER, duration_seconds=0, charged_usd="0.2")
    return add


def test_each_trunk_has_the_money_of_its_attempts(spent: Add, mart: Fetch) -> None:
    a, b, c, none = mart("marts.cost_by_trunk", "direction, trunk_name NULLS LAST")
    money = [(r["direction"], r["trunk_name"], r["attempts"], r["cost_usd"], r["unanswered_usd"]) for r in (a, b, c)]
    assert money == [
        ("in", "A", 1, Decimal("0.01"), Decimal("0.01")),
        ("in", "B", 2, Decimal("0.14"), 0),
        ("out", "C", 2, Decimal("0.8"), 0),
    ]
    assert (none["trunk_name"], none["cost_usd"], none["unanswered_usd"]) == (None, Decimal("0.2"), Decimal("0.2"))
    # in: 0.14 USD for 180 connected seconds; out: 0.8 USD for 180 billed ones
    assert (b["minutes"], b["billed_minutes"], b["cost_per_minute_usd"]) == (3, None, pytest.approx(0.14 / 3))
    assert (c["billed_minutes"], c["cost_per_minute_usd"], c["share_of_month"]) == pytest.approx((3, 0.8 / 3, 0.8))
    assert (a["cost_per_minute_usd"], a["share_of_month"]) == (None, pytest.approx(1 / 15))
    assert (a["answered_attempts"], b["answered_attempts"]) == (0, 2)


def test_each_network_has_its_price_and_the_rates_beside_its_calls(spent: Add, mart: Fetch) -> None:
    row, unknown = mart("marts.cost_by_network", "network NULLS LAST")
    assert (row["destination_country"], row["network"], row["call_type"]) == ("Germany", "O2", "Local")
    assert (row["calls"], row["answered_calls"], row["minutes"], row["billed_minutes"]) == (2, 2, 100 / 60, 3)
    assert (row["lowest_rate_usd"], row["highest_rate_usd"]) == (Decimal("0.2"), Decimal("0.3"))
    assert (row["charged_usd"], row["cost_per_billed_minute_usd"]) == (Decimal("0.8"), pytest.approx(0.8 / 3))
    assert row["share_of_month"] == pytest.approx(0.8)
    assert (unknown["network"], unknown["calls"], unknown["charged_usd"]) == (None, 1, Decimal("0.2"))
    assert (unknown["lowest_rate_usd"], unknown["cost_per_billed_minute_usd"]) == (None, None)


def test_components_are_the_parts_and_what_is_unexplained(spent: Add, mart: Fetch) -> None:
    found = {row["component"]: row for row in mart("marts.cost_by_component")}
    assert {name: (row["cost_usd"], row["calls_charged"], row["charged_minutes"]) for name, row in found.items()} == {
        "toll_free": (Decimal("0.06"), 1, 2),
        "pstn": (Decimal("0.06"), 2, 3),
        "metered": (Decimal("0.01"), 1, 2),
        "cnam": (Decimal("0.01"), 1, None),
        "unexplained": (Decimal("0.01"), 1, None),
        "outbound": (Decimal(1), 3, 3),
    }
    assert found["toll_free"]["cost_per_minute_usd"] == pytest.approx(0.03)
    assert found["pstn"]["share_of_month"] == pytest.approx(0.4)  # 0.06 of 0.15
    assert (found["outbound"]["direction"], found["outbound"]["share_of_month"]) == ("out", 1)
    assert found["unexplained"]["cost_per_minute_usd"] is None


def test_each_day_has_its_components_that_add_up_to_the_price_of_a_minute(spent: Add, mart: Fetch) -> None:
    found = {(str(row["day"])[-2:], row["component"]): row for row in mart("marts.cost_by_day")}
    assert {place: row["cost_usd"] for place, row in found.items() if row["cost_usd"]} == {
        ("05", "toll_free"): Decimal("0.06"),
        ("05", "pstn"): Decimal("0.03"),
        ("05", "metered"): Decimal("0.01"),
        ("05", "cnam"): Decimal("0.01"),
        ("05", "outbound"): Decimal("0.2"),
        ("07", "pstn"): Decimal("0.03"),
        ("07", "unexplained"): Decimal("0.01"),
        ("07", "outbound"): Decimal("0.8"),
    }
    day = [
        row["cost_per_minute_usd"] for row in found.values() if (str(row["day"])[-2:], row["direction"]) == ("05", "in")
    ]
    assert sum(day) == pytest.approx(0.11 / 2)
    assert found["07", "outbound"]["cost_per_minute_usd"] == pytest.approx(0.8 / 2)


@pytest.mark.parametrize(
    ("fault", "mart_name"),
    [
        ("DELETE FROM marts.cost_by_trunk WHERE trunk_name IS NULL", "cost_by_trunk"),
        ("DELETE FROM marts.cost_by_trunk WHERE direction = 'in'", "cost_by_trunk"),
        ("UPDATE marts.cost_by_network SET charged_usd = charged_usd + 0.000001", "cost_by_network"),
        ("DELETE FROM marts.cost_by_component WHERE component = 'unexplained'", "cost_by_component"),
        ("DELETE FROM marts.cost_by_day WHERE component = 'outbound'", "cost_by_day"),
        ("INSERT INTO marts.did_usage FROM marts.did_usage", "did_usage"),
    ],
)
def test_a_cost_mart_that_loses_or_doubles_a_cent_is_named(
    fault: str,
    mart_name: str,
    spent: Add,
    build: Build,
    con: duckdb.DuckDBPyConnection,
    rows: Rows,
    checks: dict[str, str],
) -> None:
    build()
    assert rows(checks["costs_keep_totals"]) == []
    con.execute(fault)
    assert {row["mart"] for row in rows(checks["costs_keep_totals"])} == {mart_name}


def test_a_month_whose_rows_are_gone_is_named_unless_they_were_to_be_forgotten(
    spent: Add, build: Build, con: duckdb.DuckDBPyConnection, rows: Rows, checks: dict[str, str]
) -> None:
    build()
    con.execute("DELETE FROM all_cdr_in")
    assert {row["mart"] for row in rows(checks["costs_keep_totals"])} == {
        "cost_by_trunk",
        "cost_by_component",
        "cost_by_day",
        "did_usage",
    }
    con.execute("INSERT INTO coverage (record_type, month, state) VALUES ('cdr_in', '2026-10', 'expired')")
    assert rows(checks["costs_keep_totals"]) == []
