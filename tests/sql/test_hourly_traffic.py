"""The hourly figures against arithmetic done by hand, and the daily ones against their sum."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import duckdb
import pytest

Add = Callable[..., None]
Build = Callable[..., None]
Rows = Callable[[str], list[dict[str, Any]]]
Fetch = Callable[..., list[dict[str, Any]]]

ADDED_UP = (
    "attempts, calls, answered_calls, answered_attempts, ner_attempts, seer_attempts, redirected_attempts, "
    "isa_attempts, duration_seconds, short_calls, cost_usd"
)


def _two_hours(add: Add) -> None:
    # 10 h: call a, busy and then answered after 8 s; call b in the same second, answered after 2 s; call c, a 503
    add("cdr_in", "2026-10-05 10:59:59", call_id="a", attempt=1, disconnect_code="486", duration_seconds=0)
    talk = {
        "connected_at": "2026-10-05 11:00:07",
        "duration_seconds": 100,
        "total_usd": "0.03",
        "disconnect_code": "200",
    }
    add("cdr_in", "2026-10-05 10:59:59", call_id="a", attempt=2, **talk)
    talk = {"connected_at": "2026-10-05 11:00:01", "duration_seconds": 6, "total_usd": "0.01", "disconnect_code": "200"}
    add("cdr_in", "2026-10-05 10:59:59", call_id="b", attempt=1, **talk)
    add("cdr_in", "2026-10-05 10:00:00", call_id="c", attempt=1, disconnect_code="503", duration_seconds=0)
    # 11 h: call d, answered after 4 s
    talk = {"connected_at": "2026-10-05 11:00:04", "duration_seconds": 7, "disconnect_code": "200"}
    add("cdr_in", "2026-10-05 11:00:00", call_id="d", attempt=1, **talk)


def test_an_hour_has_what_began_in_it(add: Add, mart: Fetch) -> None:
    _two_hours(add)
    ten, eleven = mart("marts.hourly_traffic", "hour")
    assert (ten["month"], ten["hour"], ten["direction"]) == ("2026-10", dt.datetime(2026, 10, 5, 10), "in")  # noqa: DTZ001
    assert (ten["attempts"], ten["calls"], ten["answered_calls"], ten["answered_attempts"]) == (4, 3, 2, 2)
    assert (ten["asr_call"], ten["asr_attempt"]) == pytest.approx((2 / 3, 2 / 4))
    # the busy counts for NER and SEER, the 503 for ISA
    assert (ten["ner"], ten["seer"], ten["isa"]) == pytest.approx((3 / 4, 3 / 4, 1 / 4))
    # 100 s + 6 s, the second of them short; answered after 8 s and 2 s
    assert (ten["acd_seconds"], ten["minutes"], ten["short_calls"]) == pytest.approx((53, 106 / 60, 1))
    assert (ten["short_call_share"], ten["answer_delay_seconds"], ten["answer_delay_p50_seconds"]) == (0.5, 5, 5)
    # a, of two attempts, and b began in one second; 0.04 USD for 106 s
    assert (ten["peak_cps"], ten["cost_usd"]) == (2, Decimal("0.04"))
    assert (ten["billed_minutes"], ten["cost_per_minute_usd"]) == (None, pytest.approx(0.04 / (106 / 60)))
    assert (eleven["calls"], eleven["peak_cps"], eleven["short_calls"], eleven["answer_delay_seconds"]) == (1, 1, 0, 4)


def test_an_answer_delay_counts_from_the_start_of_the_call_whichever_attempt_was_answered(
    add: Add, mart: Fetch
) -> None:
    # the second attempt has a start of its own, in the next hour: answered 5 s after it, and 65 s after the call began
    add("cdr_in", "2026-10-05 10:59:00", call_id="a", attempt=1, disconnect_code="486", duration_seconds=0)
    talk = {"connected_at": "2026-10-05 11:00:05", "duration_seconds": 9, "disconnect_code": "200"}
    add("cdr_in", "2026-10-05 11:00:00", call_id="a", attempt=2, **talk)
    ten, eleven = mart("marts.hourly_traffic", "hour")
    assert [(hour["attempts"], hour["calls"], hour["answered_calls"]) for hour in (ten, eleven)] == [
        (1, 1, 1),
        (1, 0, 0),
    ]
    assert (ten["answer_delay_seconds"], ten["answer_delay_p50_seconds"]) == (65, 65)
    # the call is in the hour in which it began, with all its seconds
    assert [(hour["duration_seconds"], hour["answered_seconds"]) for hour in (ten, eleven)] == [(9, 9), (0, 0)]
    assert [hour["acd_seconds"] for hour in (ten, eleven)] == [9, None]
    assert (eleven["answer_delay_seconds"], eleven["answer_delay_p50_seconds"]) == (None, None)
    (day,) = mart("marts.daily_traffic")
    assert (day["answer_delay_seconds"], day["answer_delay_p50_seconds"]) == (65, 65)


def test_a_day_is_its_hours_added_up_but_for_the_median(add: Add, mart: Fetch, rows: Rows) -> None:
    _two_hours(add)
    (day,) = mart("marts.daily_traffic")
    totals = ", ".join(f"sum({column}) AS {column}" for column in ADDED_UP.split(", "))
    (summed,) = rows(f"SELECT {totals} FROM marts.hourly_traffic")
    assert {column: day[column] for column in summed} == summed
    # answered after 8, 2 and 4 s: mean 14 / 3, median 4, which no mean of the hours' medians is
    assert (day["answer_delay_seconds"], day["answer_delay_p50_seconds"]) == pytest.approx((14 / 3, 4))
    assert (day["peak_cps"], day["asr_call"]) == (2, 3 / 4)


def test_an_hour_of_nothing_but_later_attempts_has_no_call_that_begins(add: Add, mart: Fetch) -> None:
    add("cdr_in", "2026-10-05 10:59:59", call_id="a", attempt=1)
    add("cdr_in", "2026-10-05 11:00:03", call_id="a", attempt=2)
    found = [(row["attempts"], row["calls"], row["peak_cps"]) for row in mart("marts.hourly_traffic", "hour")]
    assert found == [(1, 1, 1), (1, 0, 0)]


def test_outbound_has_billed_minutes_and_its_price_by_them(add: Add, mart: Fetch) -> None:
    talk = {
        "connected_at": "2026-10-05 23:00:09",
        "duration_seconds": 61,
        "billing_seconds": 120,
        "charged_usd": "0.024",
    }
    add("cdr_out", "2026-10-05 23:00:00", **talk, disconnect_code="200")
    (hour,) = mart("marts.hourly_traffic")
    assert (hour["direction"], hour["billing_seconds"], hour["billed_minutes"]) == ("out", 120, 2)
    assert (hour["minutes"], hour["cost_per_minute_usd"]) == pytest.approx((61 / 60, 0.012))


def test_what_a_short_call_is_stands_in_the_seed(
    add: Add, mart: Fetch, build: Build, rows: Rows, con: duckdb.DuckDBPyConnection
) -> None:
    _two_hours(add)
    before = [row["short_calls"] for row in mart("marts.hourly_traffic", "hour")]
    con.execute("UPDATE seeds.thresholds SET value = '7' WHERE name = 'short_call_seconds'")
    build()
    assert (before, [row["short_calls"] for row in rows("FROM marts.hourly_traffic ORDER BY hour")]) == ([1, 0], [1, 1])
    assert [row["short_calls"] for row in rows("FROM marts.trunk_quality")] == [2]


def test_attempts_of_an_hour_are_apart_by_trunk_code_and_answer(add: Add, mart: Fetch) -> None:
    start = "2026-10-05 10:00:00"
    for trunk, code, connect in (
        ("A", "500", None),
        ("A", "500", "2026-10-05 10:00:01"),
        ("A", "302", None),
        ("B", "8002", None),
        ("B", "8002", None),
    ):
        add("cdr_out", start, trunk_name=trunk, disconnect_code=code, connected_at=connect, duration_seconds=9)
    found = {
        (row["trunk_name"], row["disconnect_code"], row["answered"]): (
            row["attempts"],
            row["class"],
            row["ner_success"],
            row["seer_success"],
            row["redirected"],
            row["isa_failure"],
        )
        for row in mart("staging.attempt_outcomes")
    }
    assert found == {
        ("A", "500", False): (1, "network", False, False, False, True),
        ("A", "500", True): (1, "network", True, True, False, False),
        ("A", "302", False): (1, "redirect", False, False, True, False),
        ("B", "8002", False): (2, "other", False, False, False, False),
    }
