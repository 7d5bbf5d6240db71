"""Trunks against arithmetic done by hand."""

from collections.abc import Callable
from typing import Any

import pytest

Add = Callable[..., None]
Fetch = Callable[..., list[dict[str, Any]]]


def test_a_trunk_is_judged_by_its_attempts(add: Add, mart: Fetch) -> None:
    trunk = {"trunk_name": "A", "trunk_group": "G", "attempt": 1}
    # answered after 1, 2, 3 and 10 s, 5 + 6 + 7 + 42 = 60 s long
    for call, delay, seconds in (("a", 1, 5), ("b", 2, 6), ("c", 3, 7), ("d", 10, 42)):
        add(
            "cdr_in",
            "2026-10-05 10:00:00",
            call_id=call,
            **trunk,
            connected_at=f"2026-10-05 10:00:{delay:02}",
            disconnect_code="200",
            duration_seconds=seconds,
        )
    for call, code in (("e", "503"), ("f", "408"), ("g", "503"), ("h", "486")):
        add("cdr_in", "2026-10-05 10:00:00", call_id=call, **trunk, disconnect_code=code, duration_seconds=0)
    (row,) = mart("marts.trunk_quality")
    assert (row["month"], row["direction"], row["trunk_name"], row["trunk_group"]) == ("2026-10", "in", "A", "G")
    assert (row["attempts"], row["answered_attempts"], row["asr_attempt"]) == (8, 4, 0.5)
    # busy counts for NER and SEER; 408 is a network failure here, as in RFC 6076: ISA 3 of 8
    assert (row["ner"], row["seer"], row["isa"]) == (5 / 8, 5 / 8, 3 / 8)
    assert (row["acd_seconds"], row["minutes"], row["short_calls"]) == (15.0, 1.0, 2)
    # of 1, 2, 3, 10: the median is 2.5; p95 lies at place 0.95 * 3 = 2.85: 3 + 0.85 * 7 = 8.95
    assert (row["answer_delay_p50_seconds"], row["answer_delay_p95_seconds"]) == pytest.approx((2.5, 8.95))
    assert (row["top_failure_code"], row["top_failure_share"]) == ("503", 0.5)


def test_of_equally_frequent_failures_the_lowest_code_is_named(add: Add, mart: Fetch) -> None:
    for code in ("503", "486"):
        add("cdr_out", "2026-10-05 10:00:00", trunk_name="A", disconnect_code=code)
    (row,) = mart("marts.trunk_quality")
    assert (row["top_failure_code"], row["top_failure_share"]) == ("486", 0.5)


def test_a_trunk_without_a_failure_or_an_answer_has_nulls(add: Add, mart: Fetch) -> None:
    add("cdr_out", "2026-10-05 10:00:00", trunk_name="A", connected_at="2026-10-05 10:00:01", duration_seconds=9)
    add("cdr_out", "2026-10-05 10:00:00", trunk_name="B", disconnect_code="301")
    good, bad = mart("marts.trunk_quality", "trunk_name")
    assert (good["top_failure_code"], good["top_failure_share"], good["seer"]) == (None, None, 1.0)
    assert (bad["seer"], bad["acd_seconds"], bad["answer_delay_p50_seconds"]) == (None, None, None)
    assert (bad["top_failure_code"], bad["top_failure_share"], bad["asr_attempt"]) == ("301", 1.0, 0.0)


def test_attempts_that_reached_no_trunk_keep_their_row_and_their_failure(add: Add, mart: Fetch) -> None:
    add("cdr_in", "2026-10-05 10:00:00", call_id="a", disconnect_code="480")
    add("cdr_in", "2026-10-05 10:00:00", call_id="b", trunk_name="A", disconnect_code="404")
    add("cdr_in", "2026-10-05 10:00:00", call_id="c", trunk_name="A", trunk_group="G", disconnect_code="500")
    found = {(r["trunk_name"], r["trunk_group"]): r["top_failure_code"] for r in mart("marts.trunk_quality")}
    assert found == {(None, None): "480", ("A", None): "404", ("A", "G"): "500"}


def test_the_answer_delay_is_that_of_the_trunks_own_attempt_or_is_not_given(add: Add, mart: Fetch) -> None:
    start = "2026-10-05 10:00:00"

    def route(call: str, attempt: int, trunk: str, connected_at: str | None = None, started_at: str = start) -> None:
        talk = {"connected_at": connected_at, "duration_seconds": 60 if connected_at else 0}
        add("cdr_in", started_at, call_id=call, did_number="44", attempt=attempt, trunk_name=trunk, **talk)

    route("a", 1, "A", "2026-10-05 10:00:03")
    # B was asked when A had not answered: the record bears the start of the call, so it is not known when
    route("b", 1, "A")
    route("b", 2, "B", "2026-10-05 10:00:40")
    # C's attempt has a start of its own
    route("c", 1, "A")
    route("c", 2, "C", "2026-10-05 10:00:34", "2026-10-05 10:00:30")
    found = {row["trunk_name"]: row for row in mart("marts.trunk_quality")}
    delays = {name: (row["answer_delay_p50_seconds"], row["answer_delay_p95_seconds"]) for name, row in found.items()}
    assert delays == {"A": (3, 3), "B": (None, None), "C": (4, 4)}
    assert {name: (row["answered_calls"], row["acd_seconds"]) for name, row in found.items()} == {
        "A": (1, 60), "B": (1, 60), "C": (1, 60)
    }  # fmt: skip


def test_acd_is_seconds_of_answered_calls_over_answered_calls_everywhere(
    add: Add, mart: Fetch, rows: Callable[[str], list[dict[str, Any]]]
) -> None:
    """60 s of an answered call; 30 s of a record without a connect time; a call of two answers, of 20 and 40 s."""
    start, trunk = "2026-10-05 10:00:00", {"did_number": "44", "trunk_name": "A"}
    answered = {"connected_at": start, "duration_seconds": 60}
    unanswered = {"connected_at": None, "duration_seconds": 30}
    add("cdr_in", start, call_id="a", attempt=1, **trunk, **answered)
    add("cdr_in", start, call_id="b", attempt=1, **trunk, **unanswered)
    for attempt, seconds in ((1, 20), (2, 40)):
        add("cdr_in", start, call_id="c", attempt=attempt, **trunk, connected_at=start, duration_seconds=seconds)
    for cells in (answered, unanswered):
        add("cdr_out", start, **cells, trunk_name="B", destination_country="UK")
    inbound, outbound = mart("marts.trunk_quality", "direction")
    assert (inbound["answered_attempts"], inbound["answered_calls"], inbound["answered_seconds"]) == (3, 2, 120)
    assert (inbound["acd_seconds"], inbound["minutes"], outbound["acd_seconds"]) == (60, 2, 60)
    for name in ("daily_traffic", "hourly_traffic"):
        by_way = {row["direction"]: row for row in rows(f"FROM marts.{name}")}
        assert (by_way["in"]["acd_seconds"], by_way["in"]["answered_seconds"]) == (60, 120), name
        assert (by_way["out"]["acd_seconds"], by_way["out"]["duration_seconds"]) == (60, 60), name
    (country,) = rows("FROM marts.cost_by_country")
    assert country["acd_seconds"] == 60
