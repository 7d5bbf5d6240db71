"""Money by DID and by country, exact to the last of six places."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

Add = Callable[..., None]
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
