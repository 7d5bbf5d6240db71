"""How a number is used in a month, and which numbers have gone quiet over all months."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import duckdb
import pytest

Add = Callable[..., None]
Fetch = Callable[..., list[dict[str, Any]]]
Rows = Callable[[str], list[dict[str, Any]]]


def call(add: Add, started_at: str, did: str | None, seconds: int | None = None, **cells: object) -> None:
    connected = started_at if seconds is not None else None
    talk = {"connected_at": connected, "duration_seconds": seconds or 0, "total_usd": "0.01"}
    add("cdr_in", started_at, did_number=did, attempt=1, **talk | cells)


def test_a_did_has_its_callers_its_short_calls_and_its_busiest_hour(add: Add, mart: Fetch) -> None:
    call(add, "2026-10-05 09:59:59", "44", 6, source_number="1")
    call(add, "2026-10-05 10:00:00", "44", 7, source_number="2")
    call(add, "2026-10-06 10:59:59", "44", source_number="2")
    call(add, "2026-10-07 14:00:00", "44", source_number=None)
    call(add, "2026-10-08 14:00:00", "44", 47, source_number="anonymous")
    call(add, "2026-10-09 15:00:00", None)
    did, unknown = mart("marts.did_usage", "did_number NULLS LAST")
    assert (did["month"], did["did_number"], did["calls"], did["answered_calls"]) == ("2026-10", "44", 5, 3)
    assert (did["short_calls"], did["minutes"], did["callers"]) == (1, 1, 3)  # 6 + 7 + 47 s; of 6 s at most: one
    assert (str(did["first_call_at"]), str(did["last_call_at"])) == ("2026-10-05 09:59:59", "2026-10-08 14:00:00")
    assert (did["busiest_hour"], did["busiest_hour_calls"]) == (10, 2)  # 14 has two as well, and is later
    assert did["total_usd"] == Decimal("0.05")
    assert (unknown["did_number"], unknown["calls"], unknown["callers"]) == (None, 1, 0)


@pytest.mark.parametrize(("days", "idle"), [(30, False), (29, True)])
def test_a_did_is_idle_when_its_last_call_lies_back_far_enough(
    days: int, idle: bool, add: Add, mart: Fetch, con: duckdb.DuckDBPyConnection
) -> None:
    con.execute("UPDATE seeds.thresholds SET value = ? WHERE name = 'idle_did_days'", [str(days)])
    call(add, "2026-08-01 10:00:00", "44")
    call(add, "2026-10-05 23:59:59", "44")
    call(add, "2026-10-06 10:00:00", "45")
    call(add, "2026-11-04 00:00:01", "45", total_usd="0.02")
    call(add, "2026-11-04 00:00:00", None)
    quiet, used = mart("trends.did_activity", "did_number")
    assert (quiet["did_number"], quiet["months"], quiet["calls"], quiet["newest_month_calls"]) == ("44", 2, 2, 0)
    assert (str(quiet["first_call_at"]), str(quiet["last_call_at"])) == ("2026-08-01 10:00:00", "2026-10-05 23:59:59")
    assert (quiet["idle_days"], quiet["idle"]) == (30, idle)  # 5 October to 4 November
    assert (used["newest_month_calls"], used["idle_days"], used["idle"]) == (1, 0, False)
    assert used["total_usd"] == Decimal("0.03")


@pytest.mark.parametrize(("until", "idle_days"), [("2026-11-21 12:00:00", 47), ("2026-12-01 00:00:00", 56)])
def test_a_month_without_any_call_makes_numbers_idle_too(
    until: str, idle_days: int, add: Add, mart: Fetch, con: duckdb.DuckDBPyConnection
) -> None:
    call(add, "2026-10-05 23:59:59", "44")
    for kind, loaded_until in (("cdr_in", until), ("cdr_out", "2027-01-01")):
        con.execute(
            "INSERT INTO coverage (record_type, month, state, loaded_until) VALUES (?, '2026-11', 'open', ?)",
            [kind, loaded_until],
        )
    (did,) = mart("trends.did_activity")
    assert (did["idle_days"], did["idle"], did["newest_month_calls"], did["calls"]) == (idle_days, True, 0, 1)


def test_without_a_call_there_is_no_did(mart: Fetch) -> None:
    assert mart("trends.did_activity") == []
