"""Calls out of attempts: what is folded, what decides, and that nothing is lost."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import duckdb
import pytest

Add = Callable[..., None]
Fetch = Callable[..., list[dict[str, Any]]]

START = "2026-10-05 10:00:00"


def test_a_call_is_its_attempts_and_the_answered_one_decides(add: Add, mart: Fetch) -> None:
    call = {"call_id": "a", "source_number": "4420", "did_number": "972"}
    add("cdr_in", START, **call, attempt=3, disconnect_code="487", trunk_name="C", duration_seconds=0)
    add("cdr_in", START, **call, attempt=1, disconnect_code="486", trunk_name="A", total_usd="0.001")
    add(
        "cdr_in",
        START,
        **call,
        attempt=2,
        connected_at="2026-10-05 10:00:09",
        ended_at="2026-10-05 10:01:09",
        disconnect_code="200",
        disconnect_reason="Bye",
        disconnect_initiator="Origination",
        trunk_name="B",
        duration_seconds=60,
        total_usd="0.0642",
        pstn_usd="0.0642",
    )
    (row,) = mart("staging.calls_in")
    assert (row["month"], row["call_id"], row["attempts"], row["answered_attempts"]) == ("2026-10", "a", 3, 1)
    assert (row["answered"], row["duration_seconds"], row["first_attempt"]) == (True, 60, 1)
    assert (row["trunk_name"], row["disconnect_code"], row["row_number"]) == ("B", "200", 3)
    assert str(row["connected_at"]) == "2026-10-05 10:00:09"
    # 0.001 + 0.0642 + NULL; the parts of the other attempts are NULL
    assert (row["total_usd"], row["pstn_usd"]) == (Decimal("0.065200"), Decimal("0.064200"))
    assert row["cnam_usd"] is None


def test_without_an_answer_the_last_attempt_decides_and_its_blanks_stay_blank(add: Add, mart: Fetch) -> None:
    add("cdr_in", START, call_id="a", attempt=2, disconnect_code="503", trunk_group=None)
    add("cdr_in", START, call_id="a", attempt=1, disconnect_code="486", trunk_group="G")
    (row,) = mart("staging.calls_in")
    assert (row["answered"], row["disconnect_code"], row["trunk_group"]) == (False, "503", None)


def test_without_a_call_id_start_source_and_did_are_the_key(add: Add, mart: Fetch) -> None:
    for source, did, attempt in (
        ("1", "9", 1),
        ("1", "9", 2),
        ("2", "9", 1),
        ("1", "8", 1),
        (None, "9", 1),
        (None, "9", 2),
    ):
        add("cdr_in", START, source_number=source, did_number=did, attempt=attempt)
    add("cdr_in", "2026-10-05 10:00:01", source_number="1", did_number="9", attempt=1)
    found = [
        (r["source_number"], r["did_number"], r["started_at"].second, r["attempts"]) for r in mart("staging.calls_in")
    ]
    expected = [("1", "8", 0, 1), ("1", "9", 0, 2), ("1", "9", 1, 1), ("2", "9", 0, 1), (None, "9", 0, 2)]
    assert sorted(found, key=str) == sorted(expected, key=str)


def test_an_id_that_is_used_again_is_another_call(add: Add, mart: Fetch) -> None:
    one = {"call_id": "525", "did_number": "9"}
    add("cdr_in", "2026-10-03 09:00:00", **one, source_number="1", attempt=1, ended_at="2026-10-03 09:00:30")
    later = {**one, "source_number": "2", "total_usd": "0.5"}
    add("cdr_in", "2026-10-20 14:00:00", **later, attempt=1, ended_at="2026-10-20 14:00:10")
    end = "2026-10-20 14:02:20"
    add("cdr_in", "2026-10-20 14:00:00", **later, attempt=2, connected_at="2026-10-20 14:00:20", ended_at=end)
    first, second = mart("staging.calls_in", "started_at")
    assert (str(first["started_at"]), first["attempts"], first["answered"]) == ("2026-10-03 09:00:00", 1, False)
    assert (str(second["started_at"]), second["attempts"], str(second["ended_at"])) == ("2026-10-20 14:00:00", 2, end)
    assert (second["source_number"], second["answered"], second["total_usd"]) == ("2", True, Decimal("1.000000"))


@pytest.mark.parametrize(
    ("given", "attempts"),
    [
        # an id that two DIDs, or two callers, share
        ([("10:00:00", 1, None, {}), ("10:00:00", 2, None, {"did_number": "8"})], [1, 1]),
        ([("10:00:00", 1, None, {}), ("10:00:00", 2, None, {"source_number": "2"})], [1, 1]),
        # a first attempt begins a call, however near; those that began at once are told apart as ever
        ([("10:00:00", 1, None, {}), ("10:00:01", 1, None, {}), ("10:00:01", 2, None, {})], [1, 2]),
        ([("10:00:00", 1, None, {}), ("10:00:00", 1, None, {}), ("10:00:00", 2, None, {})], [1, 2]),
        # routed again when it had rung for minutes, for an hour, and ten minutes after it was given up
        ([("10:00:00", 1, "10:05:00", {}), ("10:05:00", 2, None, {})], [2]),
        ([("10:00:00", 1, "11:30:00", {}), ("11:30:05", 2, None, {})], [2]),
        ([("10:00:00", 1, "10:05:00", {}), ("10:15:00", 2, None, {})], [2]),
        ([("10:00:00", 1, "10:05:00", {}), ("10:15:01", 2, None, {})], [1, 1]),
        # a fork whose longest leg outlasts the others
        ([("10:00:00", 1, "10:30:00", {}), ("10:00:02", 2, "10:00:05", {}), ("10:31:00", 3, None, {})], [3]),
        # an end before the start, none, and one of another day say nothing: ten minutes from the start, four hours
        ([("10:00:00", 1, "09:00:00", {}), ("10:10:00", 2, None, {})], [2]),
        ([("10:00:00", 1, None, {}), ("10:10:01", 2, None, {})], [1, 1]),
        ([("10:00:00", 1, "23:59:59", {}), ("14:10:00", 2, None, {})], [2]),
        ([("10:00:00", 1, "23:59:59", {}), ("14:10:01", 2, None, {})], [1, 1]),
    ],
)
def test_attempts_of_a_call_are_of_one_did_and_caller_and_near_in_time(
    given: list[tuple[str, int, str | None, dict[str, str]]], attempts: list[int], add: Add, mart: Fetch
) -> None:
    for clock, number, end, cells in given:
        ended = f"2026-10-05 {end}" if end else None
        same = {"call_id": "0", "did_number": "9", "source_number": "1"}
        add("cdr_in", f"2026-10-05 {clock}", **{**same, "attempt": number, "ended_at": ended, **cells})
    assert sorted(row["attempts"] for row in mart("staging.calls_in")) == attempts


def test_an_absurd_sum_stops_nothing_and_is_named(
    add: Add, con: duckdb.DuckDBPyConnection, objects: dict[str, str], checks: dict[str, str]
) -> None:
    most = {"connected_at": START, "total_usd": "999999999999.999999", "duration_seconds": 2**31 - 1}
    for number in (1, 2):
        add("cdr_in", START, call_id="a", attempt=number, **most)
    for name in ("staging.calls_in", "staging.calls_out"):
        con.execute(f"CREATE TABLE {name} AS {objects[name]}")
    found = con.execute("SELECT attempts, duration_seconds, total_usd FROM staging.calls_in").fetchall()
    assert found == [(2, 2**32 - 2, Decimal("999999999999.999999"))]
    assert len(con.execute(checks["calls_keep_rows"]).fetchall()) == 1


def test_byte_identical_rows_stay_calls_of_their_own(add: Add, mart: Fetch) -> None:
    # three identical first attempts and two identical second ones: calls of 2, 2 and 1 attempts
    for attempt in (1, 2, 1, 2, 1):
        add("cdr_in", START, source_number="1", did_number="9", attempt=attempt, total_usd="0.1")
    found = mart("staging.calls_in", "attempts")
    assert [row["attempts"] for row in found] == [1, 2, 2]
    assert sum(row["total_usd"] for row in found) == Decimal("0.500000")


def test_attempts_that_begin_at_once_stay_together_however_many_rows_are_sorted(
    con: duckdb.DuckDBPyConnection, objects: dict[str, str]
) -> None:
    # of each id forty identical first attempts, and forty identical second ones that begin too late to be theirs
    con.execute("SET threads = 4")  # of equal rows each thread has another order
    con.execute(
        "INSERT INTO all_cdr_in (month, started_at, attempt, call_id, export_id, row_number) "
        "SELECT '2026-10', TIMESTAMP '2026-10-05 10:00:00' + INTERVAL (700 * (attempt - 1)) SECOND, attempt, id, "
        "'e', row_number() OVER () FROM range(3000) AS ids (id), range(1, 3) AS attempts (attempt), "
        "range(40) AS copies (copy)"
    )
    calls = f"({objects['staging.calls_in']})"
    found = con.execute(f"SELECT first_attempt, attempts, count(*) FROM {calls} GROUP BY ALL ORDER BY ALL").fetchall()
    assert found == [(1, 1, 120_000), (2, 1, 120_000)]


def test_of_identical_first_attempts_the_unanswered_one_has_the_second(add: Add, mart: Fetch) -> None:
    add("cdr_in", START, call_id="a", attempt=1, connected_at="2026-10-05 10:00:02", duration_seconds=5)
    add("cdr_in", START, call_id="a", attempt=1, disconnect_code="486")
    add("cdr_in", START, call_id="a", attempt=2, connected_at="2026-10-05 10:00:08", duration_seconds=7)
    found = mart("staging.calls_in", "attempts")
    assert [(r["attempts"], r["answered_attempts"], r["duration_seconds"]) for r in found] == [(1, 1, 5), (2, 1, 7)]


def test_an_attempt_without_a_number_is_a_first_one(add: Add, mart: Fetch) -> None:
    add("cdr_in", START, call_id="a", attempt=None)
    add("cdr_in", START, call_id="a", attempt=2)
    add("cdr_in", START, call_id="b", attempt=None)
    add("cdr_in", START, call_id="b", attempt=1)
    assert [(r["call_id"], r["attempts"]) for r in mart("staging.calls_in", "call_id, attempts")] == [
        ("a", 2),
        ("b", 1),
        ("b", 1),
    ]


def test_the_same_call_id_in_two_months_is_two_calls(add: Add, mart: Fetch) -> None:
    add("cdr_in", "2026-09-30 23:59:59", call_id="a", attempt=1)
    add("cdr_in", "2026-10-01 00:00:00", call_id="a", attempt=2)
    assert [(r["month"], r["attempts"]) for r in mart("staging.calls_in")] == [("2026-09", 1), ("2026-10", 1)]


def test_an_outbound_row_is_a_call_and_identical_rows_are_two(add: Add, mart: Fetch) -> None:
    cells = {"call_id": "o", "connected_at": "2026-10-05 10:00:01", "billing_seconds": 60, "charged_usd": "0.01"}
    add("cdr_out", START, **cells, duration_seconds=59)
    add("cdr_out", START, **cells, duration_seconds=59)
    found = mart("staging.calls_out", "row_number")
    assert [(r["export_id"], r["row_number"], r["attempts"], r["answered"]) for r in found] == [
        ("e-2026-10", 1, 1, True),
        ("e-2026-10", 2, 1, True),
    ]


def test_seconds_of_unanswered_attempts_are_no_talk(
    add: Add, mart: Fetch, rows: Callable[[str], list[dict[str, Any]]], checks: dict[str, str]
) -> None:
    talk = {"connected_at": "2026-10-05 10:00:09", "duration_seconds": 60}
    add("cdr_in", START, call_id="a", attempt=1, duration_seconds=30)
    add("cdr_in", START, call_id="a", attempt=2, **talk)
    add("cdr_in", START, call_id="b", attempt=1, duration_seconds=30)
    add("cdr_in", START, call_id="c", attempt=1, duration_seconds=30)
    add("cdr_in", START, call_id="c", attempt=2, duration_seconds=30)
    add("cdr_in", START, call_id="d", attempt=1, connected_at="2026-10-05 10:00:09", duration_seconds=None)
    add("cdr_out", START, call_id="e", duration_seconds=30)
    add("cdr_out", START, call_id="f", **talk)
    seconds = {row["call_id"]: row["duration_seconds"] for row in mart("staging.calls_in")}
    seconds |= {row["call_id"]: row["duration_seconds"] for row in rows("FROM staging.calls_out")}
    assert seconds == {"a": 60, "b": 0, "c": 0, "d": None, "e": 0, "f": 60}
    assert rows(checks["calls_keep_rows"]) == []
    assert len(rows(checks["unanswered_with_duration"])) == 5
