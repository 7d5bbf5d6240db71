"""Who calls most, briefly, and again: only the first few of each month and direction are kept."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp

Add = Callable[..., None]
Fetch = Callable[..., list[dict[str, Any]]]


def call(add: Add, started_at: str, source: str | None, did: str = "44", seconds: int | None = None) -> None:
    cells = {"source_number": source, "did_number": did, "attempt": 1, "total_usd": "0.01"}
    add("cdr_in", started_at, **cells, connected_at=started_at if seconds else None, duration_seconds=seconds or 0)


def test_a_caller_has_short_and_repeat_calls_and_numbers(add: Add, mart: Fetch) -> None:
    call(add, "2026-10-05 10:00:00", "1", seconds=6)
    call(add, "2026-10-05 10:30:00", "1", did="45", seconds=7)  # another number: not repeated
    call(add, "2026-10-05 11:00:00", "1", seconds=47)  # 3600 s after the first to it: repeated
    call(add, "2026-10-05 12:00:01", "1")  # 3601 s later: not repeated
    call(add, "2026-10-05 12:00:01", "1")  # in the same second: repeated
    call(add, "2026-11-01 00:00:00", "1")
    october, november = mart("marts.top_callers", "month")
    assert (october["direction"], october["place"], october["source_number"]) == ("in", 1, "1")
    assert (october["calls"], october["answered_calls"], october["short_calls"]) == (5, 3, 1)
    assert (october["repeat_calls"], october["called_numbers"], october["minutes"]) == (2, 2, 1)
    assert (october["cost_usd"], str(october["last_call_at"])) == (Decimal("0.05"), "2026-10-05 12:00:01")
    assert (november["month"], november["calls"], november["repeat_calls"]) == ("2026-11", 1, 0)


def test_only_the_callers_with_most_calls_are_kept(add: Add, mart: Fetch, con: duckdb.DuckDBPyConnection) -> None:
    con.execute("UPDATE seeds.thresholds SET value = '2' WHERE name = 'top_callers'")
    for source in ("3", "2", "2", "1", None, None, None):
        call(add, "2026-10-05 10:00:00", source)
    out = {"source_number": "9", "destination_number": "53", "duration_seconds": 0, "charged_usd": "0.5"}
    add("cdr_out", "2026-10-05 10:00:00", **out)
    found = [
        (row["direction"], row["place"], row["source_number"], row["calls"])
        for row in mart("marts.top_callers", "direction, place")
    ]
    assert found == [("in", 1, "2", 2), ("in", 2, "1", 1), ("out", 1, "9", 1)]  # of two alike, the lower number


def test_a_mart_that_shows_who_called_says_so_in_its_header(objects: dict[str, str]) -> None:
    personal = {"source_number", "source_name", "source_range", "cli", "destination_number"}
    for name in (name for name in objects if name.startswith("marts.")):
        query = sqlglot.parse_one(objects[name], dialect="duckdb")
        assert isinstance(query, exp.Select)
        shown = personal & set(query.named_selects)
        said = re.search(r"^-- Personal data: (.+)\.$", objects[name], re.MULTILINE)
        assert shown == (set(said[1].split(", ")) if said else set()), name
