"""Channels in use, against hours drawn by hand and the tables of Erlang B."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import duckdb
import pytest

Add = Callable[..., None]
Build = Callable[..., None]
Rows = Callable[[str], list[dict[str, Any]]]
Fetch = Callable[..., list[dict[str, Any]]]


def _at(clock: str, day: int = 5) -> dt.datetime:
    return dt.datetime.fromisoformat(f"2026-10-{day:02}T{clock}")


def _call(add: Add, start: str, connect: str | None, end: str | None, day: int = 5, **cells: object) -> None:
    connected = _at(connect, day) if connect else None
    instants = {"connected_at": connected, "ended_at": _at(end, day) if end else None}
    add("cdr_in", str(_at(start, day)), **{"call_id": start, "attempt": 1, "did_number": "9", **instants, **cells})


def test_hours_have_their_peaks_and_seconds(add: Add, mart: Fetch) -> None:
    # talk of A is 10:00:10 to 10:01:00, of B 10:00:50 to 11:00:20; C is not answered, 10:00:55 to 10:01:00;
    # D begins and is answered in the second in which A and C end
    _call(add, "10:00:00", "10:00:10", "10:01:00")
    _call(add, "10:00:40", "10:00:50", "11:00:20")
    _call(add, "10:00:55", None, "10:01:00")
    _call(add, "10:01:00", "10:01:00", "10:01:30")
    ten, eleven = mart("marts.hourly_concurrency", "hour")
    assert (ten["month"], ten["hour"], ten["direction"]) == ("2026-10", _at("10:00:00"), "in")
    assert (ten["peak_channels"], ten["peak_at"]) == (2, _at("10:00:50"))
    assert (ten["peak_held_channels"], ten["peak_held_at"]) == (3, _at("10:00:55"))
    # talk: 50 + (3600 - 50) + 30; held: 60 + (3600 - 40) + 5 + 30
    assert (ten["talk_seconds"], ten["held_seconds"]) == (3630, 3655)
    assert (ten["talk_erlangs"], ten["held_erlangs"]) == pytest.approx((3630 / 3600, 3655 / 3600))
    assert (eleven["hour"], eleven["talk_seconds"], eleven["held_seconds"]) == (_at("11:00:00"), 20, 20)
    assert (eleven["peak_channels"], eleven["peak_at"]) == (1, _at("11:00:00"))


def test_a_call_counts_in_every_hour_that_it_touches_even_without_an_event_in_it(add: Add, mart: Fetch) -> None:
    _call(add, "10:59:00", "10:59:30", "13:00:00")
    found = [(row["hour"].hour, row["peak_channels"], row["talk_seconds"]) for row in mart("marts.hourly_concurrency")]
    assert found == [(10, 1, 30), (11, 1, 3600), (12, 1, 3600)]


def test_a_channel_that_only_rang_has_no_second_of_talk(add: Add, mart: Fetch) -> None:
    _call(add, "10:00:00", None, "10:00:09")
    (row,) = mart("marts.hourly_concurrency")
    assert (row["peak_channels"], row["peak_at"], row["talk_seconds"]) == (0, None, 0)
    assert (row["peak_held_channels"], row["peak_held_at"], row["held_seconds"]) == (1, _at("10:00:00"), 9)


def test_an_end_that_is_left_out_is_the_duration_after_the_answer(add: Add, mart: Fetch) -> None:
    _call(add, "10:00:00", "10:00:05", None, duration_seconds=7)
    _call(add, "12:00:00", None, None, duration_seconds=0)
    (row,) = mart("marts.hourly_concurrency")
    assert (row["talk_seconds"], row["held_seconds"]) == (7, 12)


def test_a_call_of_several_attempts_is_one_channel_from_its_start_to_its_end(add: Add, mart: Fetch) -> None:
    _call(add, "10:00:00", None, "10:00:05", call_id="a", trunk_name="A")
    _call(add, "10:00:00", "10:00:09", "10:00:20", call_id="a", attempt=2, trunk_name="B")
    found = {(row["scope"], row["name"]): row["held_seconds"] for row in mart("staging.channel_occupancy")}
    assert found == {("all", None): 20, ("did", "9"): 20, ("trunk", "B"): 20, ("capacity_group", None): 20}


def test_a_call_over_the_edge_of_a_month_counts_on_both_sides_of_it(
    add: Add, build: Build, mart: Fetch, rows: Rows, checks: dict[str, str]
) -> None:
    # two conferences of an hour are in progress as November begins; a third call begins then and is answered
    late = {"connected_at": _at("23:59:50", 31), "ended_at": dt.datetime(2026, 11, 1, 0, 30)}  # noqa: DTZ001
    for call in ("a", "b"):
        _call(add, "23:59:40", None, None, day=31, **{**late, "call_id": call})
    november = dt.datetime(2026, 11, 1)  # noqa: DTZ001
    add("cdr_in", str(november), did_number="9", attempt=1, connected_at=november, duration_seconds=60)
    before, after = mart("marts.hourly_concurrency", "hour")
    assert (before["month"], before["talk_seconds"], before["held_seconds"]) == ("2026-10", 20, 40)
    assert (after["month"], after["hour"], after["peak_channels"], after["peak_at"]) == (
        "2026-11",
        november,
        3,
        november,
    )
    assert (after["talk_seconds"], after["held_seconds"]) == (3660, 3660)
    assert rows(checks["concurrency_keeps_seconds"]) == []
    build("2026-11")
    assert rows("FROM marts.hourly_concurrency") == [after]


def test_calls_are_carried_over_into_a_month_without_calls_and_no_further(
    add: Add, mart: Fetch, rows: Rows, con: duckdb.DuckDBPyConnection, checks: dict[str, str]
) -> None:
    _call(add, "23:00:00", None, None, day=31, ended_at=dt.datetime(2027, 1, 1))  # noqa: DTZ001
    found = [
        (row["month"], row["held_seconds"])
        for row in mart("staging.channel_occupancy", "hour")
        if row["scope"] == "all"
    ]
    assert (len(found), found[0], found[1], found[-1]) == (
        1 + 720,
        ("2026-10", 3600),
        ("2026-11", 3600),
        ("2026-11", 3600),
    )
    assert rows(checks["concurrency_keeps_seconds"]) == []
    con.execute("DELETE FROM staging.channel_occupancy WHERE hour = TIMESTAMP '2026-11-01 00:00:00'")
    assert {row["month"] for row in rows(checks["concurrency_keeps_seconds"])} == {"2026-11"}
    con.execute("DELETE FROM staging.channel_occupancy WHERE month = '2026-11'")
    assert rows(checks["concurrency_keeps_seconds"]) == []  # nothing of it is loaded
    con.execute("INSERT INTO coverage (month, export_id) VALUES ('2026-11', 'e')")
    assert {row["month"] for row in rows(checks["concurrency_keeps_seconds"])} == {"2026-11"}


def test_what_was_carried_over_of_an_expired_month_is_not_found_wrong(
    add: Add, mart: Fetch, rows: Rows, con: duckdb.DuckDBPyConnection, checks: dict[str, str]
) -> None:
    _call(add, "23:00:00", None, None, day=31, ended_at=dt.datetime(2026, 11, 1, 1))  # noqa: DTZ001
    mart("staging.channel_occupancy")
    con.execute("DELETE FROM staging.calls_in")
    con.execute("DELETE FROM staging.channel_occupancy WHERE month = '2026-10'")
    assert {row["month"] for row in rows(checks["concurrency_keeps_seconds"])} == {"2026-11"}
    con.execute("INSERT INTO coverage (month, state) VALUES ('2026-10', 'expired')")
    assert rows(checks["concurrency_keeps_seconds"]) == []


def test_an_end_before_the_start_and_a_negative_duration_are_no_time(add: Add, mart: Fetch) -> None:
    _call(add, "10:00:00", "10:00:05", "09:00:00", duration_seconds=7)
    _call(add, "11:00:00", "11:00:05", None, duration_seconds=-1_790_000_000)
    _call(add, "12:00:00", "12:00:09", "12:00:04", duration_seconds=60)
    found = [(row["held_seconds"], row["talk_seconds"]) for row in mart("marts.hourly_concurrency", "hour")]
    assert found == [(12, 7), (5, 0), (4, 0)]


def test_days_have_the_peak_of_their_hours_and_the_busy_hour(add: Add, mart: Fetch) -> None:
    _call(add, "10:00:00", "10:00:00", "10:30:00", trunk_name="A", capacity_group="G")
    _call(add, "10:10:00", "10:10:00", "10:20:00", trunk_name="B", capacity_group="G", did_number="8")
    _call(add, "23:00:00", "23:00:00", "23:59:00", trunk_name="A")
    _call(add, "23:10:00", "23:10:00", "23:20:00", trunk_name="B")
    add("cdr_out", str(_at("11:00:00", 6)), ended_at=_at("11:00:10", 6), trunk_name="A")
    found = {
        (row["day"].day, row["direction"], row["scope"], row["name"]): (
            row["peak_channels"],
            row["peak_at"],
            row["peak_held_channels"],
            row["busy_hour"].hour,
            row["busy_hour_erlangs"],
        )
        for row in mart("marts.peak_concurrency")
    }
    # of two hours with two channels the first is named; 40 minutes in the first, 69 in the second
    assert found[5, "in", "all", None] == (2, _at("10:10:00"), 2, 23, 69 / 60)
    assert found[5, "in", "trunk", "A"] == (1, _at("10:00:00"), 1, 23, 59 / 60)
    assert found[5, "in", "trunk", "B"] == (1, _at("10:10:00"), 1, 10, 10 / 60)
    assert found[5, "in", "did", "9"] == (2, _at("23:10:00"), 2, 23, 69 / 60)
    assert found[5, "in", "did", "8"] == (1, _at("10:10:00"), 1, 10, 10 / 60)
    assert found[5, "in", "capacity_group", "G"] == (2, _at("10:10:00"), 2, 10, 40 / 60)
    assert found[5, "in", "capacity_group", None] == (2, _at("23:10:00"), 2, 23, 69 / 60)
    assert found[6, "out", "all", None] == found[6, "out", "trunk", "A"] == (0, None, 1, 11, 10 / 3600)
    assert len(found) == 9


def test_lost_calls_stand_beside_the_channels_also_where_none_was_in_use(
    add: Add, mart: Fetch, rows: Rows, checks: dict[str, str]
) -> None:
    full: dict[str, Any] = {"disconnect_code": "480", "disconnect_reason": "DID number overloaded"}
    full["disconnect_initiator"] = "Switch"
    _call(add, "10:00:00", "10:00:00", "10:30:00", capacity_group="G")
    _call(add, "10:10:00", None, None, capacity_group="G", **full)
    _call(add, "10:20:00", None, None, capacity_group="G", did_number="8", **full)
    _call(add, "12:00:00", None, None, did_number="8", **full)
    _call(add, "00:00:00", None, None, day=6, did_number="8", trunk_name="T", **full)
    hours = [
        (row["hour"], row["lost_calls"], row["peak_held_channels"], row["peak_held_at"], row["held_erlangs"])
        for row in mart("marts.hourly_concurrency", "hour")
    ]
    assert hours == [
        (_at("10:00:00"), 2, 1, _at("10:00:00"), 0.5),
        (_at("12:00:00"), 1, 0, None, 0),
        (_at("00:00:00", 6), 1, 0, None, 0),
    ]
    days = {
        (row["day"].day, row["scope"], row["name"]): (row["lost_calls"], row["peak_held_channels"])
        for row in rows("FROM marts.peak_concurrency")
    }
    assert days == {
        (5, "all", None): (3, 1),
        (5, "did", "9"): (1, 1),
        (5, "did", "8"): (2, 0),
        (5, "trunk", None): (3, 1),
        (5, "capacity_group", "G"): (2, 1),
        (5, "capacity_group", None): (1, 0),
        (6, "all", None): (1, 0),
        (6, "did", "8"): (1, 0),
        (6, "trunk", "T"): (1, 0),
        (6, "capacity_group", None): (1, 0),
    }
    (alone,) = rows("FROM marts.peak_concurrency WHERE day = DATE '2026-10-06' AND scope = 'all'")
    assert (alone["peak_at"], alone["peak_held_at"], alone["busy_hour"]) == (None, None, None)
    assert (alone["busy_hour_erlangs"], alone["channels_needed"]) == (0, 1)
    assert rows(checks["concurrency_keeps_seconds"]) == []


@pytest.mark.parametrize(
    ("calls", "share", "channels"),
    [
        # tables of Erlang B: 1 % of 5 E needs 11 channels, 0.5 E needs 4, 10 % of 5 E needs 8; no number is above 1
        (5, "0.01", 11),
        (0.5, "0.01", 4),
        (5, "0.1", 8),
        (5, "1", 0),
        (5, "nothing", None),
    ],
)
def test_channels_needed_are_those_of_the_tables(
    calls: float, share: str, channels: int | None, add: Add, mart: Fetch, con: duckdb.DuckDBPyConnection
) -> None:
    if share == "nothing":
        con.execute("DELETE FROM seeds.thresholds WHERE name = 'blocking_share'")
    con.execute("UPDATE seeds.thresholds SET value = ? WHERE name = 'blocking_share'", [share])
    for call in range(int(calls) or 1):
        _call(add, "10:00:00", "10:00:00", "11:00:00" if calls >= 1 else "10:30:00", call_id=str(call))
    (row,) = (row for row in mart("marts.peak_concurrency") if row["scope"] == "all")
    assert (row["busy_hour_erlangs"], row["channels_needed"]) == (calls, channels)


@pytest.mark.parametrize(
    ("fault", "scopes"),
    [
        ("DELETE FROM staging.channel_occupancy WHERE scope = 'did'", {"did"}),
        ("UPDATE staging.channel_occupancy SET held_seconds = held_seconds + 1 WHERE scope = 'trunk'", {"trunk"}),
        ("DELETE FROM staging.calls_in", {"all", "did", "trunk", "capacity_group"}),
    ],
)
def test_a_scope_that_loses_a_second_is_named(
    fault: str,
    scopes: set[str],
    add: Add,
    build: Build,
    rows: Rows,
    con: duckdb.DuckDBPyConnection,
    checks: dict[str, str],
) -> None:
    _call(add, "10:00:00", "10:00:05", None, duration_seconds=7)
    _call(add, "23:00:00", None, "23:00:05", day=31, trunk_name="A")
    add("cdr_out", str(_at("11:00:00")), ended_at=_at("12:00:00"))
    build()
    assert rows(checks["concurrency_keeps_seconds"]) == []
    con.execute(fault)
    assert {row["scope"] for row in rows(checks["concurrency_keeps_seconds"])} == scopes
