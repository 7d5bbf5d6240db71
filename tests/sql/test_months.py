"""A month at a time, as the builder works, gives what all months at once give."""

import datetime as dt
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

Add = Callable[..., None]
Rows = Callable[[str], list[dict[str, Any]]]
MONTHS = ("2026-08", "2026-09", "2026-10")
DAYS = ("01T10:00:00", "02T10:00:00", "30T23:59:30")
CODES = ["200", "302", "408", "480", "486", "487", "503", "603", "8002", None]


def _answer(dice: random.Random, start: dt.datetime) -> dict[str, object]:
    seconds = dice.randint(0, 90)
    connect = start + dt.timedelta(seconds=dice.randint(0, 20))
    end = connect + dt.timedelta(seconds=seconds)
    return {"connected_at": connect, "ended_at": end, "duration_seconds": seconds, "disconnect_code": "200"}


def _fill(add: Add, seed: int) -> None:
    """Few starts, callers and ids, so that calls collide, repeat, and cross every edge."""
    dice = random.Random(seed)  # noqa: S311
    for _ in range(150):
        start = dt.datetime.fromisoformat(f"{dice.choice(MONTHS)}-{dice.choice(DAYS)}")
        failed = {"disconnect_code": dice.choice(CODES), "duration_seconds": 0}
        failed["disconnect_reason"] = dice.choice(["DID number overloaded", None])
        cells = _answer(dice, start) if dice.random() < 0.4 else failed
        cells |= {"call_id": dice.choice(["a", "b", None]), "trunk_name": dice.choice(["A", "B", None])}
        cells |= {"source_number": dice.choice(["1", None])}
        money = f"0.{dice.randint(0, 999_999):06}"
        inbound = {"did_number": dice.choice(["9", "8", None]), "attempt": dice.choice([1, 1, 2, 3, None])}
        inbound |= {
            "trunk_group": dice.choice(["G", None]),
            "total_usd": money,
            "pstn_usd": money,
            "toll_free_usd": money,
        }
        inbound |= {"capacity_group": dice.choice(["C", None]), "metered_usd": dice.choice([money, None])}
        outbound = {"destination_country": dice.choice(["UK", None]), "charged_usd": money, "billing_seconds": 60}
        if dice.random() < 0.6:
            add("cdr_in", str(start), **cells, **inbound)
        else:
            add("cdr_out", str(start), **cells, **outbound)


def _bag(found: list[dict[str, Any]]) -> Counter[str]:
    return Counter(repr(row) for row in found)


@pytest.mark.parametrize("seed", [1, 2])
def test_months_at_once_are_the_months_one_by_one(
    seed: int, add: Add, build: Callable[..., None], rows: Rows, objects: dict[str, str]
) -> None:
    _fill(add, seed)
    apart: dict[str, Counter[str]] = {name: Counter() for name in objects}
    for month in MONTHS:
        build(month)
        for name in objects:
            apart[name] += _bag(rows(f"FROM {name}"))
    build()
    for name in objects:
        assert apart[name] or name.startswith("marts.watch_")  # nobody defrauds these rows
        together = _bag(rows(f"FROM {name} WHERE month <= '{MONTHS[-1]}'"))  # the last carries over into one not loaded
        assert together == apart[name], name


@pytest.mark.parametrize("seed", [1, 2])
def test_calls_and_marts_add_up_to_the_rows_however_odd_the_rows(
    seed: int, add: Add, build: Callable[..., None], rows: Rows, checks: dict[str, str]
) -> None:
    _fill(add, seed)
    build()
    assert rows(checks["calls_keep_rows"]) == []
    assert rows(checks["marts_keep_rows"]) == []


def test_a_month_without_a_record_has_empty_marts_and_passes_every_check(
    build: Callable[..., None], add: Add, rows: Rows, objects: dict[str, str], checks: dict[str, str]
) -> None:
    add("cdr_in", "2026-10-05 10:00:00", attempt=1)
    build("2026-11")
    assert {name: rows(f"FROM {name}") for name in objects} == {name: [] for name in objects}
    assert {name: rows(text) for name, text in checks.items()} == {name: [] for name in checks}


def test_a_month_with_one_direction_has_only_that(add: Add, build: Callable[..., None], rows: Rows) -> None:
    add("cdr_out", "2026-10-05 10:00:00")
    build("2026-10")
    assert rows("FROM marts.cost_by_did") == []
    assert [row["direction"] for row in rows("FROM marts.daily_traffic")] == ["out"]
