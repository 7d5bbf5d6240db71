"""What looks across months: changes, and the forecast of the running one, by hand."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pytest

Add = Callable[..., None]
Fetch = Callable[..., list[dict[str, Any]]]
Cover = Callable[..., None]


@pytest.fixture
def cover(con: duckdb.DuckDBPyConnection) -> Cover:
    """Note that a month of outbound calls is loaded up to an instant."""

    def note(month: str, loaded_until: str, state: str = "settling") -> None:
        con.execute(
            "INSERT INTO coverage (record_type, month, state, loaded_until) VALUES ('cdr_out', ?, ?, ?)",
            [month, state, loaded_until],
        )

    return note


@pytest.fixture
def spend(add: Add) -> Callable[[str, str], None]:
    """One outbound call of the day that costs so much."""

    def call(day: str, usd: str) -> None:
        add("cdr_out", f"{day} 10:00:00", duration_seconds=0, charged_usd=usd)

    return call


def test_a_month_stands_beside_the_month_before(add: Add, cover: Cover, mart: Fetch) -> None:
    for month, calls, seconds in (("2025-12", 4, 60), ("2026-01", 6, 50), ("2026-03", 1, 60)):
        for _ in range(calls):
            start = f"{month}-05 10:00:00"
            add("cdr_out", start, connected_at=start, duration_seconds=seconds, charged_usd="0.2")
    add("cdr_in", "2026-01-05 10:00:00", attempt=1, total_usd="1")
    cover("2026-01", "2026-02-01 00:00:00", "sealed")
    inbound, first, second, third = mart("trends.month_on_month", "direction, month")
    assert (first["month"], first["calls"], first["cost_usd"], first["state"]) == ("2025-12", 4, Decimal("0.8"), None)
    assert (second["month"], second["calls"], second["answered_calls"], second["state"]) == ("2026-01", 6, 6, "sealed")
    # 6 - 4 = 2 calls, a half of 4; 5 - 4 = 1 minute, a quarter of 4; 1.2 - 0.8 = 0.4 USD, a half of 0.8
    assert (second["calls_change"], second["minutes_change"], second["cost_change_usd"]) == (2, 1, Decimal("0.4"))
    shares = ("calls_change_share", "minutes_change_share", "cost_change_share")
    assert [second[share] for share in shares] == pytest.approx([0.5, 0.25, 0.5])
    # February is not loaded, so March has no month before it; nor has the first of a direction
    for lonely in (inbound, first, third):
        assert [lonely[change] for change in ("calls_change", "minutes_change", "cost_change_usd", *shares)] == [
            None
        ] * 6


def daily(add: Add, first: str, last: str, calls: Callable[[date], int]) -> None:
    day = date.fromisoformat(first)
    while day <= date.fromisoformat(last):
        for _ in range(calls(day)):
            start = f"{day} 10:00:00"
            add("cdr_out", start, connected_at=start, duration_seconds=60, charged_usd="0.5")
        day += timedelta(days=1)


def test_a_working_day_more_is_no_weekday_change(add: Add, cover: Cover, mart: Fetch) -> None:
    """November 2026 has 21 working days, October 22, and each of them 2 calls."""
    daily(add, "2026-10-01", "2026-11-30", lambda day: 2 if day.isoweekday() <= 5 else 0)
    cover("2026-10", "2026-11-01 00:00:00", "sealed")
    cover("2026-11", "2026-12-01 00:00:00", "sealed")
    _, november = mart("trends.month_on_month", "month")
    assert (november["calls"], november["calls_change"], november["whole_days"]) == (42, -2, 30)
    shares = ("calls_weekday_change_share", "minutes_weekday_change_share", "cost_weekday_change_share")
    assert [november[share] for share in shares] == pytest.approx([0, 0, 0])


def test_a_running_month_is_compared_by_its_whole_days_alone(add: Add, cover: Cover, mart: Fetch) -> None:
    """Twice the calls on the days from Monday the 2nd to Thursday the 5th; the 6th is not over."""
    daily(add, "2026-10-01", "2026-11-06", lambda day: 2 if day.month == 11 else 1)
    cover("2026-10", "2026-11-01 00:00:00", "sealed")
    cover("2026-11", "2026-11-06 12:00:00", "open")
    october, november = mart("trends.month_on_month", "month")
    assert (november["calls"], november["whole_days"], november["state"]) == (12, 5, "open")
    assert [november[name] for name in ("calls_change", "minutes_change", "cost_change_usd")] == [None] * 3
    assert november["calls_weekday_change_share"] == pytest.approx(1.0)
    assert (october["calls_weekday_change_share"], october["whole_days"]) == (None, 31)


def test_a_month_after_a_part_is_compared_with_nothing(add: Add, cover: Cover, mart: Fetch) -> None:
    daily(add, "2026-10-01", "2026-11-30", lambda day: 1)
    cover("2026-10", "2026-10-20 12:00:00", "open")
    cover("2026-11", "2026-12-01 00:00:00", "sealed")
    _, november = mart("trends.month_on_month", "month")
    assert [november[name] for name in ("calls_change", "calls_weekday_change_share", "cost_change_usd")] == [None] * 3


def test_a_loaded_month_without_a_call_is_a_month_of_none(add: Add, cover: Cover, mart: Fetch) -> None:
    daily(add, "2026-09-01", "2026-09-30", lambda day: 1)
    for month, until in (("2026-09", "2026-10-01"), ("2026-10", "2026-11-01"), ("2026-11", "2026-12-01")):
        cover(month, f"{until} 00:00:00", "sealed")
    daily(add, "2026-11-01", "2026-11-02", lambda day: 1)
    _, october, november = mart("trends.month_on_month", "month")
    assert (october["month"], october["calls"], october["minutes"], october["cost_usd"]) == ("2026-10", 0, 0, 0)
    assert (october["calls_change"], october["calls_change_share"]) == (-30, -1.0)
    assert october["calls_weekday_change_share"] == -1.0
    assert (november["calls_change"], november["calls_change_share"]) == (2, None)


def test_what_is_no_call_has_no_month_and_no_forecast(
    con: duckdb.DuckDBPyConnection, add: Add, cover: Cover, mart: Fetch, rows: Callable[[str], list[Any]]
) -> None:
    cover("2026-11", "2026-11-09 00:00:00", "open")
    for kind in ("sms_out", "rebilly_transactions"):
        con.execute(
            "INSERT INTO coverage (record_type, month, loaded_until) VALUES (?, '2026-11', '2026-11-09')",
            [kind],
        )
    daily(add, "2026-11-01", "2026-11-08", lambda day: 1)
    (forecast,) = mart("trends.forecast")
    assert (forecast["direction"], forecast["spent_usd"], forecast["forecast_usd"]) == ("out", 4, 15)
    (month,) = rows("FROM trends.month_on_month")
    assert (month["direction"], month["calls"]) == ("out", 8)


def test_a_forecast_weighs_the_days_left_by_their_weekday(
    cover: Cover, spend: Callable[[str, str], None], mart: Fetch
) -> None:
    cover("2026-10", "2026-11-01 00:00:00")
    cover("2026-11", "2026-11-09 12:00:00", "open")
    spend("2026-10-05", "1000")  # a Monday, but 35 days before the last complete one
    spend("2026-10-11", "1000")  # a Sunday, 28 days before it
    for monday, usd in (("2026-10-12", "4"), ("2026-10-19", "8"), ("2026-10-26", "6"), ("2026-11-02", "10")):
        spend(monday, usd)
    spend("2026-11-09", "3")  # the day that is not over
    (row,) = mart("trends.forecast")
    assert (row["month"], row["direction"], str(row["last_complete_day"])) == ("2026-11", "out", "2026-11-08")
    assert (row["days_left"], row["known_days"], row["spent_usd"]) == (22, 28, 13)
    # a Monday costs (4 + 8 + 6 + 10) / 4 = 7 on average, any other day nothing; 9, 16, 23 and 30 November are left
    assert (row["expected_usd"], row["forecast_usd"]) == (28, 38)


@pytest.mark.parametrize(
    ("until", "expected", "forecast"), [("2026-11-07 23:59:59", None, None), ("2026-11-08 00:00:00", 40, 50)]
)
def test_seven_days_must_be_known(
    until: str, expected: int | None, forecast: int | None, cover: Cover, spend: Callable[[str, str], None], mart: Fetch
) -> None:
    cover("2026-11", until, "open")
    spend("2026-11-02", "10")
    (row,) = mart("trends.forecast")
    assert (row["known_days"], row["spent_usd"]) == ((6 if expected is None else 7), 10)
    assert (row["expected_usd"], row["forecast_usd"]) == (expected, forecast)  # four Mondays are left


def test_a_forecast_is_never_below_what_was_spent(cover: Cover, spend: Callable[[str, str], None], mart: Fetch) -> None:
    cover("2026-11", "2026-11-30 12:00:00", "open")
    spend("2026-11-30", "5")
    (row,) = mart("trends.forecast")
    assert (row["days_left"], row["expected_usd"], row["forecast_usd"]) == (1, 0, 5)


def test_days_that_are_not_loaded_are_no_days_without_a_call(
    cover: Cover, spend: Callable[[str, str], None], mart: Fetch
) -> None:
    cover("2026-10", "2026-10-20 00:00:00", "open")  # was asked for once, when it was still running
    cover("2026-11", "2026-11-09 00:00:00", "open")
    for place in range(28):
        spend(str(date(2026, 10, 12) + timedelta(days=place)), "2" if place < 8 or place > 19 else "0")
    (row,) = mart("trends.forecast")
    assert row["known_days"] == 16  # 12 to 19 October, 1 to 8 November
    assert (row["expected_usd"], row["forecast_usd"]) == (44, 60)  # 22 days at 2 USD, after 8 of them


def test_a_month_that_is_over_has_nothing_left(cover: Cover, spend: Callable[[str, str], None], mart: Fetch) -> None:
    cover("2026-10", "2026-11-01 00:00:00", "sealed")
    spend("2026-10-12", "4")
    (row,) = mart("trends.forecast")
    assert (row["days_left"], row["expected_usd"], row["forecast_usd"]) == (0, 0, 4)


def test_trends_of_nothing_are_empty(mart: Fetch, trends: dict[str, str]) -> None:
    names = [name for name in trends if name.startswith("trends.")]
    assert {name: mart(name) for name in names} == {name: [] for name in names}
