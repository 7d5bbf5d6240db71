"""What more flat channels would have saved: two figures that enclose what a simulation finds, call by call."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sql.texts import SQL_OF

Add = Callable[..., None]
Build = Callable[..., None]
Rows = Callable[[str], list[dict[str, Any]]]
Fetch = Callable[..., list[dict[str, Any]]]
Span = tuple[int, int]

MART = SQL_OF["marts.channel_what_if"]
START = dt.datetime(2026, 10, 5, 10)  # noqa: DTZ001
PRICE = Decimal("0.001")


def _metered(add: Add, started: int, ended: int, **cells: object) -> None:
    at = START + dt.timedelta(seconds=started)
    end = {"connected_at": at, "ended_at": START + dt.timedelta(seconds=ended)}
    usd = {"metered_usd": PRICE * (ended - started)}
    add("cdr_in", str(at), **{"call_id": f"{started}-{ended}", "attempt": 1, **end, **usd, **cells})


def test_two_figures_enclose_what_the_channels_would_have_saved(add: Add, mart: Fetch) -> None:
    # A |----------|          0 to 10, C begins when A ends, D when all are gone; a free call counts nowhere
    # B      |----------|     5 to 15
    # C           |-----|    10 to 16
    # D                   |  20 to 21
    for span in ((0, 10), (5, 15), (10, 16), (20, 21)):
        _metered(add, *span, capacity_group="G")
    _metered(add, 6, 9, capacity_group="G", metered_usd=0)
    one, two = mart("marts.channel_what_if", "extra_channels, scope")[::2]
    assert (one["month"], one["scope"], one["name"], one["extra_channels"]) == ("2026-10", "all", None, 1)
    # 10 + 10 + 6 + 1 s at a tenth of a cent; A ends in the second in which C begins, so never three at once
    assert (one["metered_usd"], one["metered_calls"], one["peak_metered_calls"]) == (Decimal("0.027"), 4, 2)
    # one channel: A and D begin alone. The truth is A, C and D, 17 s, as A leaves the channel to C
    assert (one["avoided_at_least_calls"], one["avoided_at_least_usd"]) == (2, Decimal("0.011"))
    # a metered call was in progress in 0 to 16 and 20 to 21
    assert one["avoided_by_seconds_usd"] == Decimal("0.017")
    assert (two["avoided_at_least_usd"], two["avoided_by_seconds_usd"]) == (Decimal("0.027"), Decimal("0.027"))


def test_groups_have_channels_of_their_own_and_all_share_one_pool(add: Add, mart: Fetch) -> None:
    _metered(add, 0, 10, capacity_group="G")
    _metered(add, 0, 10, capacity_group=None, call_id="other")
    _metered(add, 5, 10, month="2026-10", capacity_group="G", ended_at=None, duration_seconds=5)
    found = {
        (row["scope"], row["name"], row["extra_channels"]): (row["metered_calls"], row["avoided_at_least_calls"])
        for row in mart("marts.channel_what_if")
    }
    assert found == {
        ("all", None, 1): (3, 1),
        ("all", None, 2): (3, 2),
        ("all", None, 3): (3, 3),
        ("capacity_group", "G", 1): (2, 1),
        ("capacity_group", "G", 2): (2, 2),
        ("capacity_group", None, 1): (1, 1),
    }


def test_as_many_channels_as_the_peak_remove_every_last_decimal(add: Add, mart: Fetch) -> None:
    # seven millionths of a dollar over 31 days: nearly nothing a second
    _metered(add, 0, 31 * 86400, metered_usd="0.000007")
    found = [row["avoided_by_seconds_usd"] for row in mart("marts.channel_what_if")]
    assert found == [Decimal("0.000007")] * 2


def test_a_call_without_an_end_is_in_progress_for_its_duration(add: Add, mart: Fetch) -> None:
    # the second begins while the first talks: one channel carries one of them, as staging.channel_occupancy counts two
    _metered(add, 0, 60, ended_at=None, duration_seconds=60, metered_usd="1")
    _metered(add, 30, 90, ended_at=None, duration_seconds=60, metered_usd="1")
    one, two = (row for row in mart("marts.channel_what_if", "extra_channels") if row["scope"] == "all")
    assert (one["avoided_at_least_calls"], one["avoided_at_least_usd"]) == (1, Decimal(1))
    assert (two["peak_metered_calls"], two["avoided_at_least_usd"]) == (2, Decimal(2))


def test_a_call_of_no_second_needs_a_channel_and_takes_it_from_none(
    add: Add, mart: Fetch, rows: Rows, checks: dict[str, str]
) -> None:
    _metered(add, 0, 10)
    _metered(add, 5, 5, metered_usd="0.01", call_id="instant")
    _metered(add, 5, 5, metered_usd="0.01", call_id="again", ended_at=None, duration_seconds=-9)
    _metered(add, 20, 20, metered_usd="0.01", call_id="alone")
    found = [row for row in mart("marts.channel_what_if", "extra_channels") if row["scope"] == "all"]
    least = [(row["avoided_at_least_calls"], row["avoided_at_least_usd"]) for row in found]
    assert least == [(2, Decimal("0.02")), (3, Decimal("0.03")), (4, Decimal("0.04"))]
    # one channel: the second's tenth of a cent each, all of what was alone, a half and a third of the other two
    assert found[0]["avoided_by_seconds_usd"] == Decimal("0.028333")
    assert (found[2]["metered_usd"], found[2]["avoided_by_seconds_usd"]) == (Decimal("0.04"), Decimal("0.04"))
    assert rows(checks["what_if_keeps_spend"]) == []


def test_a_call_of_the_month_before_is_in_progress_and_its_money_is_not(
    add: Add, mart: Fetch, rows: Rows, checks: dict[str, str]
) -> None:
    start, edge = dt.datetime(2026, 10, 31, 23), dt.datetime(2026, 11, 1)  # noqa: DTZ001
    talk = {"attempt": 1, "metered_usd": "1"}
    add("cdr_in", str(start), connected_at=start, ended_at=edge + dt.timedelta(hours=1), **talk)
    add("cdr_in", str(edge), connected_at=edge, ended_at=edge + dt.timedelta(minutes=1), **talk)
    found = {
        (row["month"], row["extra_channels"]): (row["metered_usd"], row["avoided_at_least_usd"])
        for row in mart("marts.channel_what_if")
        if row["scope"] == "all"
    }
    assert found == {("2026-10", 1): (1, 1), ("2026-11", 1): (1, 0), ("2026-11", 2): (1, 1)}
    assert rows(checks["what_if_keeps_spend"]) == []


def test_calls_that_were_lost_stand_beside_what_channels_would_have_saved(
    add: Add, mart: Fetch, rows: Rows, checks: dict[str, str]
) -> None:
    # G paid for a call and lost two on different days; H lost one and paid nothing, with a paid call carried over
    full = {"disconnect_code": "480", "disconnect_reason": "DID number overloaded", "disconnect_initiator": "Switch"}
    _metered(add, 0, 10, capacity_group="G")
    edge = dt.datetime(2026, 10, 31, 23, 59)  # noqa: DTZ001
    talk = {"connected_at": edge, "ended_at": edge + dt.timedelta(hours=1), "metered_usd": "1"}
    for call in ("x", "y"):
        add("cdr_in", str(edge), call_id=call, attempt=1, capacity_group="H", **talk)
    for day, group in ((5, "G"), (6, "G"), (7, None)):
        add("cdr_in", f"2026-10-{day:02} 10:00:05", call_id=str(day), attempt=1, capacity_group=group, **full)
    for group in ("H", "I"):
        add("cdr_in", "2026-11-05 10:00:05", call_id=group, attempt=1, capacity_group=group, **full)
    add("cdr_out", "2026-11-05 10:00:05", disconnect_code="480", disconnect_reason="DID number overloaded")
    found = {
        (row["month"][5:], row["scope"], row["name"], row["extra_channels"]): (
            row["lost_calls"],
            row["metered_calls"],
            row["metered_usd"],
            row["peak_metered_calls"],
            row["avoided_at_least_usd"],
        )
        for row in mart("marts.channel_what_if")
    }
    cent = Decimal("0.01")
    assert found == {
        ("10", "all", None, 1): (3, 3, 2 + cent, 2, 1 + cent),
        ("10", "all", None, 2): (3, 3, 2 + cent, 2, 2 + cent),
        ("10", "capacity_group", "G", 1): (2, 1, cent, 1, cent),
        ("10", "capacity_group", "H", 1): (0, 2, 2, 2, 1),
        ("10", "capacity_group", "H", 2): (0, 2, 2, 2, 2),
        ("10", "capacity_group", None, 1): (1, 0, 0, 0, 0),
        ("11", "all", None, 1): (2, 0, 0, 2, 0),
        ("11", "all", None, 2): (2, 0, 0, 2, 0),
        ("11", "capacity_group", "H", 1): (1, 0, 0, 2, 0),
        ("11", "capacity_group", "H", 2): (1, 0, 0, 2, 0),
        ("11", "capacity_group", "I", 1): (1, 0, 0, 0, 0),
    }
    assert rows(checks["what_if_keeps_spend"]) == []


def test_no_more_than_fifty_channels_are_added(add: Add, mart: Fetch, rows: Rows, checks: dict[str, str]) -> None:
    for call in range(60):
        _metered(add, 0, 10, call_id=str(call))
    last = mart("marts.channel_what_if", "scope, extra_channels")[49]
    assert (last["scope"], last["extra_channels"], last["peak_metered_calls"]) == ("all", 50, 60)
    assert (last["avoided_at_least_usd"], last["metered_usd"]) == (Decimal("0.5"), Decimal("0.6"))
    assert rows(checks["what_if_keeps_spend"]) == []


@pytest.mark.parametrize(
    "fault",
    [
        "DELETE FROM marts.channel_what_if WHERE extra_channels = 2",
        "UPDATE marts.channel_what_if SET metered_usd = metered_usd + 0.000001",
        "UPDATE marts.channel_what_if SET avoided_at_least_usd = 0",
        "DELETE FROM staging.calls_in WHERE started_at = TIMESTAMP '2026-10-05 10:00:00'",
    ],
)
def test_spend_that_the_mart_loses_is_named(
    fault: str, add: Add, build: Build, rows: Rows, con: duckdb.DuckDBPyConnection, checks: dict[str, str]
) -> None:
    for span in ((0, 10), (5, 15)):
        _metered(add, *span)
    build()
    assert rows(checks["what_if_keeps_spend"]) == []
    con.execute(fault)
    assert {row["scope"] for row in rows(checks["what_if_keeps_spend"])} == {"all", "capacity_group"}


def _simulated(spans: list[Span], channels: int) -> list[Span]:
    """The calls that ``channels`` carry, where each takes any that is free at its start."""
    busy: list[int] = []
    carried = []
    for started, ended in sorted(spans):
        busy = [end for end in busy if end > started]
        if len(busy) < channels:
            busy.append(ended)
            carried.append((started, ended))
    return carried


def _advised(spans: list[Span], price: Decimal = PRICE) -> list[tuple[Any, ...]]:
    """The mart over calls of one price, without the staging below it."""
    calls = ", ".join(
        f"('2026-10', NULL::VARCHAR, {price * (end - start)}::DECIMAL(18, 6), {start}, {end})" for start, end in spans
    )
    names = "month, capacity_group, metered_usd, held_from, held_until"
    figures = "metered_usd, avoided_at_least_calls, avoided_at_least_usd, avoided_by_seconds_usd"
    with duckdb.connect() as db:
        db.execute("SET threads = 1")
        db.execute("CREATE SCHEMA staging")
        db.execute(f"CREATE TABLE staging.call_spans AS FROM (VALUES {calls}) AS calls ({names})")
        db.execute("CREATE TABLE staging.carried_over AS SELECT *, month AS next_month FROM staging.call_spans LIMIT 0")
        none = "NULL::VARCHAR AS direction, NULL::VARCHAR AS scope, NULL::VARCHAR AS name, 0 AS lost_calls"
        db.execute(f"CREATE TABLE staging.lost_calls AS SELECT month, {none} FROM staging.call_spans LIMIT 0")
        mart = f"SELECT extra_channels, peak_metered_calls, {figures} FROM ({MART}) WHERE scope = 'all' ORDER BY 1"
        return db.execute(mart).fetchall()


def test_absurd_money_is_added_up() -> None:
    most = Decimal("999999999999.999999")
    assert _advised([(0, 1), (0, 1)], most)[1] == (2, 2, 2 * most, 2, 2 * most, pytest.approx(2 * most))


spans = st.tuples(st.integers(0, 60), st.integers(1, 30)).map(lambda span: (span[0], span[0] + span[1]))


@settings(max_examples=40)
@given(calls=st.lists(spans, min_size=1, max_size=40))
def test_the_simulated_saving_lies_between_the_two_figures(calls: list[Span]) -> None:
    found = _advised(calls)
    peak = max(sum(start <= second < end for start, end in calls) for second in range(90))
    total = sum((PRICE * (end - start) for start, end in calls), Decimal())
    assert [row[:3] for row in found] == [(channels, peak, total) for channels in range(1, peak + 1)]
    for channels, *_, least_calls, least, by_seconds in found:
        carried = _simulated(calls, channels)
        saved = sum((PRICE * (end - start) for start, end in carried), Decimal())
        assert least_calls <= len(carried)
        assert least <= saved <= by_seconds
    assert found[-1][3:] == (len(calls), total, total)
