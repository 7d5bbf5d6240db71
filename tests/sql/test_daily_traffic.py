"""The daily figures against arithmetic done by hand."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

Add = Callable[..., None]
Fetch = Callable[..., list[dict[str, Any]]]


def _inbound(add: Add) -> None:
    start = "2026-10-05 10:00:00"
    # call a: busy on the first trunk, answered on the second after 8 s, 100 s long
    add("cdr_in", start, call_id="a", attempt=1, disconnect_code="486", duration_seconds=0, total_usd="0")
    add(
        "cdr_in",
        start,
        call_id="a",
        attempt=2,
        connected_at="2026-10-05 10:00:08",
        disconnect_code="200",
        duration_seconds=100,
        total_usd="0.030",
    )
    # call b: answered after 2 s, 6 s long (short), ended by a 500 that the answer outweighs
    add(
        "cdr_in",
        start,
        call_id="b",
        attempt=1,
        connected_at="2026-10-05 10:00:02",
        disconnect_code="500",
        duration_seconds=6,
        total_usd="0.0053",
    )
    # two byte-identical failed calls without an id; one redirected call; one with an internal code
    add("cdr_in", start, source_number="1", did_number="9", attempt=1, disconnect_code="503", duration_seconds=0)
    add("cdr_in", start, source_number="1", did_number="9", attempt=1, disconnect_code="503", duration_seconds=0)
    add("cdr_in", start, call_id="c", attempt=1, disconnect_code="302", duration_seconds=0)
    add("cdr_in", start, call_id="d", attempt=1, disconnect_code="8002", duration_seconds=0)


def test_inbound_counts_and_ratios_are_those_done_by_hand(add: Add, mart: Fetch) -> None:
    _inbound(add)
    (day,) = mart("marts.daily_traffic")
    assert (day["month"], day["day"], day["direction"]) == ("2026-10", dt.date(2026, 10, 5), "in")
    # 7 rows; calls a, b, c, d and the identical two
    assert (day["attempts"], day["calls"], day["answered_calls"], day["answered_attempts"]) == (7, 6, 2, 2)
    assert day["asr_call"] == pytest.approx(2 / 6)
    assert day["asr_attempt"] == pytest.approx(2 / 7)
    # effective: two answered and the busy; SEER leaves the 302 out; ISA: the two 503, not the answered 500
    assert (day["ner_attempts"], day["seer_attempts"], day["redirected_attempts"], day["isa_attempts"]) == (3, 3, 1, 2)
    assert (day["ner"], day["seer"], day["isa"]) == pytest.approx((3 / 7, 3 / 6, 2 / 7))


def test_inbound_time_and_money_are_those_done_by_hand(add: Add, mart: Fetch) -> None:
    _inbound(add)
    (day,) = mart("marts.daily_traffic")
    # 100 s + 6 s over 2 answered calls
    assert (day["duration_seconds"], day["acd_seconds"], day["minutes"]) == pytest.approx((106, 53, 106 / 60))
    assert (day["billing_seconds"], day["billed_minutes"]) == (None, None)
    # one of two answered is at most 6 s; answered after 8 s and 2 s
    assert (day["short_calls"], day["short_call_share"], day["answer_delay_seconds"]) == (1, 0.5, 5.0)
    # 0.030 + 0.0053; by connected minutes
    assert day["cost_usd"] == Decimal("0.035300")
    assert day["cost_per_minute_usd"] == pytest.approx(0.0353 / (106 / 60))


def test_outbound_cost_is_by_billed_minute(add: Add, mart: Fetch) -> None:
    add(
        "cdr_out",
        "2026-10-05 23:59:59",
        connected_at="2026-10-06 00:00:09",
        disconnect_code="200",
        duration_seconds=61,
        billing_seconds=120,
        charged_usd="0.024",
    )
    add("cdr_out", "2026-10-05 09:15:00", disconnect_code="487", duration_seconds=0, charged_usd="0")
    (day,) = mart("marts.daily_traffic")
    assert (day["day"], day["direction"], day["attempts"], day["calls"]) == (dt.date(2026, 10, 5), "out", 2, 2)
    assert (day["asr_call"], day["asr_attempt"], day["ner"]) == (0.5, 0.5, 1.0)
    # 487 is no_answer for NER and no success for SEER
    assert (day["seer"], day["isa"], day["short_call_share"]) == (0.5, 0.0, 0.0)
    # 61 s talked, 120 s billed; 0.024 / 2 min
    assert (day["acd_seconds"], day["billing_seconds"], day["billed_minutes"]) == (61.0, 120, 2.0)
    assert (day["answer_delay_seconds"], day["cost_per_minute_usd"]) == pytest.approx((10.0, 0.012))


def test_a_ratio_without_a_denominator_is_null(add: Add, mart: Fetch) -> None:
    add("cdr_in", "2026-10-05 10:00:00", attempt=1, disconnect_code="302")
    (day,) = mart("marts.daily_traffic")
    assert (day["asr_call"], day["ner"], day["seer"], day["isa"]) == (0.0, 0.0, None, 0.0)
    assert (day["acd_seconds"], day["short_call_share"], day["answer_delay_seconds"]) == (None, None, None)
    assert (day["minutes"], day["cost_usd"], day["cost_per_minute_usd"]) == (0.0, Decimal(0), None)


def test_each_day_and_direction_has_its_row(add: Add, mart: Fetch) -> None:
    add("cdr_in", "2026-10-05 23:59:59", attempt=1)
    add("cdr_in", "2026-10-06 00:00:00", attempt=1)
    add("cdr_out", "2026-10-06 00:00:00")
    found = [(row["day"].day, row["direction"], row["calls"]) for row in mart("marts.daily_traffic", "day, direction")]
    assert found == [(5, "in", 1), (6, "in", 1), (6, "out", 1)]
