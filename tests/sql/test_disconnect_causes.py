"""What ends calls: shares within direction and month, and the class from the seed."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Add = Callable[..., None]
Fetch = Callable[..., list[dict[str, Any]]]

SEED = Path(__file__).parents[2] / "sql" / "seeds" / "disconnect_classes.csv"
CLASSES = {"answered", "redirect", "user_busy", "no_answer", "reject", "bad_number", "auth_config", "network"}


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


def test_the_seed_names_a_code_once_with_a_known_class_and_a_reason() -> None:
    with SEED.open(encoding="utf-8", newline="") as file:
        seed = list(csv.DictReader(file))
    codes = [row["disconnect_code"] for row in seed]
    assert len(codes) == len(set(codes))
    assert {row["class"] for row in seed} == CLASSES
    assert all(row["about"] and row["disconnect_code"].isdigit() for row in seed)
