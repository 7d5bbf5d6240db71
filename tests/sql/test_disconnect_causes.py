"""What ends calls: shares within direction and month, and the class from the seed."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

Add = Callable[..., None]
Fetch = Callable[..., list[dict[str, Any]]]

SEED = Path(__file__).parents[2] / "sql" / "seeds" / "disconnect_classes.csv"
CLASSES = {
    "answered", "redirect", "user_busy", "no_answer", "reject", "bad_number", "auth_config", "network", "capacity"
}  # fmt: skip


def test_shares_are_of_the_direction_in_the_month(add: Add, mart: Fetch) -> None:
    busy = {"disconnect_code": "486", "disconnect_reason": "Busy here", "trunk_name": "A"}
    for _ in range(3):
        add("cdr_in", "2026-10-05 10:00:00", **busy, disconnect_initiator="Destination", attempt=1)
    add("cdr_in", "2026-10-05 10:00:00", **busy, disconnect_initiator="Origination", attempt=1)
    add("cdr_out", "2026-10-05 10:00:00", **busy)
    add("cdr_in", "2026-11-05 10:00:00", **busy, disconnect_initiator="Destination", attempt=1)
    found = {
        (r["month"], r["direction"], r["disconnect_initiator"]): (r["attempts"], r["share_of_attempts"])
        for r in mart("marts.disconnect_causes")
    }
    assert found == {
        ("2026-10", "in", "Destination"): (3, 0.75),
        ("2026-10", "in", "Origination"): (1, 0.25),
        ("2026-10", "out", None): (1, 1.0),
        ("2026-11", "in", "Destination"): (1, 1.0),
    }


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("200", "answered"),
        ("603", "reject"),
        ("404", "bad_number"),
        ("408", "network"),
        ("8002", "other"),
        (None, "other"),
    ],
)
def test_a_code_has_the_class_of_the_seed_and_an_unknown_one_is_other(
    code: str | None, name: str, add: Add, mart: Fetch
) -> None:
    add("cdr_in", "2026-10-05 10:00:00", disconnect_code=code, attempt=1)
    (row,) = mart("marts.disconnect_causes")
    assert (row["disconnect_code"], row["class"], row["attempts"]) == (code, name, 1)


def test_answered_attempts_are_counted_apart_whatever_ended_them(add: Add, mart: Fetch) -> None:
    add("cdr_in", "2026-10-05 10:00:00", disconnect_code="500", connected_at="2026-10-05 10:00:01", attempt=1)
    add("cdr_in", "2026-10-05 10:00:00", disconnect_code="500", attempt=1)
    (row,) = mart("marts.disconnect_causes")
    assert (row["attempts"], row["answered_attempts"]) == (2, 1)


OVERLOADED = {"disconnect_code": "480", "disconnect_reason": "DID number overloaded"}


@pytest.mark.parametrize(
    ("cause", "name", "ner", "seer"),
    [
        ({"disconnect_code": "480", "disconnect_reason": "Temporarily Unavailable"}, "no_answer", 1.0, 1.0),
        ({**OVERLOADED, "disconnect_initiator": "Switch"}, "capacity", 0.0, 1.0),
        ({**OVERLOADED, "disconnect_initiator": "DIDWW"}, "capacity", 0.0, 1.0),
        ({**OVERLOADED, "disconnect_reason": "did NUMBER overloaded"}, "capacity", 0.0, 1.0),
        ({**OVERLOADED, "disconnect_initiator": "Destination"}, "no_answer", 1.0, 1.0),
        ({**OVERLOADED, "disconnect_code": "486"}, "user_busy", 1.0, 1.0),
    ],
)
def test_a_call_that_found_no_channel_is_not_effective(
    cause: dict[str, str], name: str, ner: float, seer: float, add: Add, mart: Fetch, rows: Callable[[str], list[Any]]
) -> None:
    add("cdr_in", "2026-10-05 10:00:00", **cause, attempt=1)
    (row,) = mart("marts.disconnect_causes")
    (day,) = rows("FROM marts.daily_traffic")
    assert (row["class"], day["ner"], day["seer"], day["isa"]) == (name, ner, seer, 0.0)


def test_the_line_that_says_most_decides(add: Add, mart: Fetch, con: duckdb.DuckDBPyConnection) -> None:
    con.execute("DELETE FROM seeds.disconnect_classes")
    lines = (
        (None, None, None, "anything"), (None, None, "Switch", "initiator"), (None, "Full", None, "reason"),
        (None, "Full", "Switch", "reason and initiator"), ("480", None, None, "code"),
        ("480", None, "Switch", "code and initiator"),
        ("480", "Full", None, "code and reason"), ("480", "Full", "Switch", "all"),
    )  # fmt: skip
    for line in lines:
        con.execute("INSERT INTO seeds.disconnect_classes VALUES ($1, $4, $2, $3, '')", line)
    for code, reason, initiator, _ in lines:
        cause = {"disconnect_code": code, "disconnect_reason": reason, "disconnect_initiator": initiator}
        add("cdr_in", "2026-10-05 10:00:00", **cause, attempt=1)
    found = mart("marts.disconnect_causes")
    told = {
        (row["disconnect_code"], row["disconnect_reason"], row["disconnect_initiator"]): row["class"] for row in found
    }
    assert told == {tuple(cells): name for *cells, name in lines}


LOST = {**OVERLOADED, "disconnect_initiator": "Switch", "did_number": "44", "capacity_group": "G", "attempt": 1}


def test_a_lost_call_stands_in_the_hour_and_place_of_its_channels(add: Add, mart: Fetch) -> None:
    for call, start in (("a", "10:00:00"), ("b", "10:59:59"), ("c", "11:00:00")):
        add("cdr_in", f"2026-10-05 {start}", call_id=call, **LOST)
    # refused once, then answered: not lost
    add("cdr_in", "2026-10-05 10:30:00", call_id="d", **LOST)
    add("cdr_in", "2026-10-05 10:30:00", call_id="d", did_number="44", attempt=2, connected_at="2026-10-05 10:30:09")
    # the called side's own answer, and a busy one
    add("cdr_in", "2026-10-05 10:30:00", call_id="e", **LOST | {"disconnect_initiator": "Destination"})
    add("cdr_in", "2026-10-05 10:30:00", call_id="f", **LOST | {"disconnect_code": "486"})
    add("cdr_out", "2026-10-05 10:30:00", **OVERLOADED, trunk_name="A")
    found = mart("staging.lost_calls")
    told = {(row["direction"], row["scope"], row["hour"].hour): (row["name"], row["lost_calls"]) for row in found}
    assert len(told) == len(found)
    assert told == {
        ("in", "all", 10): (None, 2),
        ("in", "all", 11): (None, 1),
        ("in", "did", 10): ("44", 2),
        ("in", "did", 11): ("44", 1),
        ("in", "capacity_group", 10): ("G", 2),
        ("in", "capacity_group", 11): ("G", 1),
        ("in", "trunk", 10): (None, 2),
        ("in", "trunk", 11): (None, 1),
        ("out", "all", 10): (None, 1),
        ("out", "trunk", 10): ("A", 1),
    }


def test_no_two_lines_of_the_seed_say_the_same_cause_and_each_has_a_known_class_and_a_reason() -> None:
    with SEED.open(encoding="utf-8", newline="") as file:
        seed = list(csv.DictReader(file))
    causes = [
        tuple(row[cell].lower() for cell in ("disconnect_code", "disconnect_reason", "disconnect_initiator"))
        for row in seed
    ]
    assert len(causes) == len(set(causes))
    assert {row["class"] for row in seed} == CLASSES
    assert all(row["about"] and row["disconnect_code"].isdigit() for row in seed)
