"""Each watch list finds its case where a threshold is just met, and not where it is just missed.

The thresholds are set so small that the case can be counted by hand.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.warehouse.queries import models, views
from tests.sql.texts import SQL_OF

Add = Callable[..., None]
Found = Callable[..., list[dict[str, Any]]]

SQL = Path(__file__).parents[2] / "sql"
SEEDS = SQL / "seeds" / "thresholds.csv"


@pytest.fixture
def found(
    con: duckdb.DuckDBPyConnection,
    objects: dict[str, str],
    trends: dict[str, str],
    rows: Callable[[str], list[Any]],
) -> Found:
    """Build one watch list and what it is made of, with some thresholds set."""
    known = objects | trends
    reads = {query.name: query.reads for query in (*models(), *views())}

    def make(name: str) -> None:
        for below in sorted(reads[name] & known.keys()):
            make(below)
        con.execute(f"CREATE OR REPLACE {'VIEW' if name in trends else 'TABLE'} {name} AS {known[name]}")

    def fetch(name: str, **thresholds: object) -> list[dict[str, Any]]:
        for threshold, value in thresholds.items():
            con.execute("UPDATE seeds.thresholds SET value = ? WHERE name = ?", [str(value), threshold])
        make(name)
        return rows(f"FROM {name} ORDER BY ALL")

    return fetch


def at(clock: str, day: int = 5) -> str:
    return f"2026-10-{day:02d} {clock}"


def answered(started_at: str, seconds: int, delay: int = 0) -> dict[str, object]:
    connected = f"{started_at[:-2]}{int(started_at[-2:]) + delay:02d}"
    return {"connected_at": connected, "duration_seconds": seconds, "billing_seconds": seconds}


IRSF = {
    "irsf_hour_usd": 11.25,
    "irsf_usd_per_minute": 0.375,
    "irsf_calls_per_number": 3,
    "irsf_times_usual": 5.625,
    "usual_days": 3,
}


@pytest.fixture
def irsf(add: Add) -> Add:
    """Three calls to each of two numbers at night for 11.25 USD; on the three days before that hour cost 4, 2 and 0."""

    def cuba(started_at: str, number: str, charged: str, **cells: object) -> None:
        to = {"destination_country": "Cuba", "trunk_name": "A", "destination_number": number, "charged_usd": charged}
        add("cdr_out", started_at, **to | answered(started_at, 300) | cells)

    for minute in (0, 5, 10, 15, 20, 59):
        cuba(at(f"03:{minute:02d}:00"), f"535{minute % 2}", "1.875")
    cuba(at("03:30:00"), "5399", "0", connected_at=None, duration_seconds=0, billing_seconds=0)  # nobody answered
    cuba(at("03:30:00"), "5377", "0.5")  # called once
    cuba(at("04:00:00"), "5350", "9")  # the hour after
    cuba(at("03:00:00"), "5350", "9", trunk_name="B")
    cuba(at("03:00:00"), "5350", "9", destination_country="Haiti")
    cuba(at("03:00:00", 4), "5350", "4")
    cuba(at("03:00:00", 3), "5350", "2")
    cuba(at("12:00:00", 2), "5350", "8")  # no such hour on that day
    cuba(at("03:00:00", 1), "5350", "8")  # too long ago
    cuba(at("03:00:00", 6), "5350", "8")  # afterwards
    return add


def test_an_hour_of_expensive_calls_to_few_numbers_is_found(irsf: Add, found: Found) -> None:
    (row,) = found("trends.watch_irsf", **IRSF)
    assert (row["month"], row["trunk_name"], row["destination_country"]) == ("2026-10", "A", "Cuba")
    assert (str(row["first_call_at"]), str(row["last_call_at"])) == (at("03:00:00"), at("03:59:00"))
    assert (row["answered_calls"], row["numbers"], row["billed_minutes"]) == (6, 2, 30)
    assert (row["cost_usd"], row["usual_usd"]) == (Decimal("11.25"), 2)
    assert row["longest_seconds"] == 300
    assert row["why"] == "6 calls to 2 numbers in one hour for 11.250000 USD, where 2.000000 USD are usual"


@pytest.mark.parametrize(
    "missed",
    [
        {"irsf_hour_usd": 11.250001},
        {"irsf_usd_per_minute": 0.375001},
        {"irsf_calls_per_number": 4},
        {"irsf_times_usual": 5.625001},
    ],
)
def test_an_hour_that_misses_one_threshold_of_irsf_is_not_found(
    missed: dict[str, float], irsf: Add, found: Found
) -> None:
    assert found("trends.watch_irsf", **IRSF | missed) == []


def attack(add: Add, day: str, clock: str = "03", country: str = "Cuba") -> None:
    """Six calls to two numbers for 100 USD."""
    for minute in range(6):
        cells = {"destination_country": country, "trunk_name": "A", "destination_number": f"535{minute % 2}"}
        start = f"{day} {clock}:0{minute}:00"
        add("cdr_out", start, **cells, charged_usd="16.67", **answered(start, 300))


def business(add: Add, day: str, calls: int, clock: str = "03") -> None:
    """Calls to as many numbers, a dollar each."""
    for call in range(calls):
        cells = {"destination_country": "Cuba", "trunk_name": "A", "destination_number": f"537{call:04}"}
        start = f"{day} {clock}:{call % 60:02}:30"
        add("cdr_out", start, **cells, charged_usd="1", **answered(start, 60))


def nights(found: Found) -> list[str]:
    return [str(row["first_call_at"])[:10] for row in found("trends.watch_irsf")]


def test_an_attack_on_three_of_five_nights_is_found_on_all_three(add: Add, found: Found) -> None:
    for night in (1, 2, 3):
        attack(add, f"2026-10-{night:02}")
    for night in (4, 5):
        add("cdr_out", f"2026-10-{night:02} 03:00:00", destination_country="Cuba", trunk_name="A")
    assert nights(found) == ["2026-10-01", "2026-10-02", "2026-10-03"]


def test_an_attack_that_never_ends_is_found_every_night(add: Add, found: Found) -> None:
    start = date(2026, 9, 20)
    days = [str(start + timedelta(days=place)) for place in range(45)]  # far longer than what is usual is taken from
    for day in days:
        attack(add, day)
    assert nights(found) == days


def test_what_is_usual_is_known_from_the_month_before(add: Add, found: Found) -> None:
    for place in range(28):  # of 28 days, 15 with such an hour
        business(add, str(date(2026, 10, 4) + timedelta(days=place)), 26 if place < 15 else 0)
    attack(add, "2026-11-01")
    assert nights(found) == []  # 100 USD is less than four times 26


def test_other_calls_of_the_hour_do_not_hide_an_attack(add: Add, found: Found) -> None:
    business(add, "2026-10-05", 59)
    attack(add, "2026-10-05")
    (row,) = found("trends.watch_irsf")
    assert (row["answered_calls"], row["numbers"], row["cost_usd"]) == (6, 2, Decimal("100.02"))


Hour = tuple[int, int]
hours = st.lists(st.tuples(st.integers(0, 70), st.integers(2, 3)), unique=True, max_size=12)


def _outbound(attacks: list[Hour], costs: dict[Hour, int]) -> set[Hour]:
    """The hours that the watch list finds: day and hour of the day."""
    calls = [
        (day, hour, f"535{call % 2}", 20) for day, hour in attacks for call in range(6)
    ] + [(day, hour, f"5370{call}", 1) for (day, hour), usd in costs.items() for call in range(usd)]  # fmt: skip
    with _seeded() as db:
        _show(db, ("day", "hour", "number", "usd"), calls or [(0, 0, "1", 0)])
        db.execute(f"""
            CREATE VIEW staging.calls_out AS
            SELECT strftime(began, '%Y-%m') AS month, 'A' AS trunk_name, 'Cuba' AS destination_country, number
                AS destination_number, began AS started_at, TRUE AS answered, 60 AS duration_seconds,
                60 AS billing_seconds, usd::DECIMAL(18, 6) AS charged_usd
            FROM (SELECT {ANY_MIDNIGHT} + to_days(day) + to_hours(hour) AS began, * FROM calls)""")
        return _found(db, "hourly_destinations", "watch_irsf")


def _inbound(attacks: list[Hour], costs: dict[Hour, int]) -> set[Hour]:
    calls = [(day, hour, 30) for day, hour in attacks for _ in range(40)] + [
        (day, hour, length) for (day, hour), number in costs.items() if (day, hour) not in attacks
        for length in range(number)
    ]  # fmt: skip
    with _seeded() as db:
        _show(db, ("day", "hour", "length"), calls or [(0, 0, 1)])
        db.execute(f"""
            CREATE VIEW staging.calls_in AS
            SELECT strftime(began, '%Y-%m') AS month, '1800' AS did_number, began AS started_at,
                length AS duration_seconds, 0.01::DECIMAL(18, 6) AS toll_free_usd
            FROM (SELECT {ANY_MIDNIGHT} + to_days(day) + to_hours(hour) AS began, * FROM calls)""")
        return _found(db, "hourly_toll_free", "watch_toll_free_pumping")


def _show(db: duckdb.DuckDBPyConnection, names: tuple[str, ...], calls: list[tuple[Any, ...]]) -> None:
    db.register("calls", pa.table(dict(zip(names, zip(*calls, strict=True), strict=True))))


ANY_MIDNIGHT = "TIMESTAMP '2026-09-01'"


@contextmanager
def _seeded() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as db:
        db.execute("SET threads = 1")
        for schema in ("staging", "marts", "trends", "seeds"):
            db.execute(f"CREATE SCHEMA {schema}")
        db.execute("CREATE TABLE seeds.thresholds AS FROM read_csv(?, all_varchar = true)", [str(SEEDS)])
        yield db


def _found(db: duckdb.DuckDBPyConnection, mart: str, trend: str) -> set[Hour]:
    db.execute(f"CREATE VIEW marts.{mart} AS {SQL_OF[f'marts.{mart}']}")
    return set(
        db.execute(f"""
            SELECT date_diff('day', {ANY_MIDNIGHT}, first_call_at), hour(first_call_at)
            FROM ({SQL_OF[f"trends.{trend}"]})""").fetchall()
    )


@pytest.mark.parametrize("listed", [_outbound, _inbound])
@settings(max_examples=15, deadline=None)
@given(
    attacks=hours,
    more=hours,
    costs=st.dictionaries(st.tuples(st.integers(0, 70), st.integers(2, 3)), st.integers(1, 60), max_size=70),
)
def test_an_attack_that_goes_on_takes_no_finding_away(
    listed: Callable[[list[Hour], dict[Hour, int]], set[Hour]],
    attacks: list[Hour],
    more: list[Hour],
    costs: dict[Hour, int],
) -> None:
    before = listed(attacks, costs)
    after = listed(sorted({*attacks, *more}), costs)
    assert before <= after
    assert before <= set(attacks)


WANGIRI = {
    "wangiri_calls": 4,
    "wangiri_dids": 3,
    "wangiri_gap_seconds": 300,
    "wangiri_ring_seconds": 2,
    "wangiri_range_digits": 3,
}


@pytest.fixture
def wangiri(add: Add) -> Add:
    """Four rings by two callers of one range to three DIDs, up to 300 seconds apart; then one call back."""
    for clock, caller, did in (("10:00:00", "001", "1"), ("10:04:00", "901", "2"), ("10:09:00", "001", "3")):
        add("cdr_in", at(clock), source_number=f"22505010{caller}", did_number=did, duration_seconds=0)
    ring, talk = at("10:14:00"), at("10:01:00")
    add("cdr_in", ring, source_number="22505010001", did_number="1", **_in(answered(ring, 2)))
    add("cdr_in", talk, source_number="22505010001", did_number="4", **_in(answered(talk, 3)))  # no ring
    add("cdr_in", at("10:19:01"), source_number="22505010001", did_number="5", duration_seconds=0)  # a burst of its own
    add("cdr_in", at("10:02:00"), source_number="22505011001", did_number="5", duration_seconds=0)  # another range
    for did in "1234":  # whoever withholds a number is no range
        add("cdr_in", at("10:02:00"), source_number="anonymous", did_number=did, duration_seconds=0)
    for clock, number in (("09:59:59", "22505010777"), ("10:20:00", "22505010777"), ("10:20:00", "22505011777")):
        add("cdr_out", at(clock), destination_number=number, charged_usd="0.5", **answered(at(clock), 60))
    return add


def _in(cells: dict[str, object]) -> dict[str, object]:
    return {name: cell for name, cell in cells.items() if name != "billing_seconds"}


def test_a_burst_of_rings_from_one_range_is_found_with_the_calls_back(wangiri: Add, found: Found) -> None:
    (row,) = found("marts.watch_wangiri", **WANGIRI)
    assert row["source_range"] == "22505010"
    assert (str(row["first_call_at"]), str(row["last_call_at"])) == (at("10:00:00"), at("10:14:00"))
    assert (row["rings"], row["answered_rings"], row["callers"], row["dids"]) == (4, 1, 2, 3)
    assert (row["calls_back"], row["calls_back_usd"]) == (1, Decimal("0.5"))
    assert row["why"] == "4 rings by 2 numbers of one range to 3 DIDs, 1 call back"


def test_a_burst_that_nobody_called_back_is_found_too(
    wangiri: Add, found: Found, con: duckdb.DuckDBPyConnection
) -> None:
    con.execute("DELETE FROM all_cdr_out")
    (row,) = found("marts.watch_wangiri", **WANGIRI)
    assert (row["calls_back"], row["calls_back_usd"]) == (0, 0)


def test_each_burst_of_a_range_has_the_calls_back_since_it_began(wangiri: Add, found: Found) -> None:
    for clock, did in (("11:00:00", "1"), ("11:00:10", "2"), ("11:00:20", "3"), ("11:00:30", "4")):
        wangiri("cdr_in", at(clock), source_number="22505010001", did_number=did, duration_seconds=0)
    for clock in ("10:59:59", "11:00:00", "12:00:00"):  # before the second burst, at its first ring, after it
        wangiri("cdr_out", at(clock), destination_number="22505010777", charged_usd="0.25", **answered(at(clock), 60))
    rows = found("marts.watch_wangiri", **WANGIRI)
    told = {str(row["first_call_at"]): (row["calls_back"], row["calls_back_usd"]) for row in rows}
    assert told == {at("10:00:00"): (4, Decimal("1.25")), at("11:00:00"): (2, Decimal("0.5"))}


@pytest.mark.parametrize(
    "missed",
    [
        {"wangiri_calls": 5},
        {"wangiri_dids": 4},
        {"wangiri_gap_seconds": 299},
        {"wangiri_ring_seconds": 1},
        {"wangiri_range_digits": 2},
    ],
)
def test_a_burst_that_misses_one_threshold_of_wangiri_is_not_found(
    missed: dict[str, int], wangiri: Add, found: Found
) -> None:
    assert found("marts.watch_wangiri", **WANGIRI | missed) == []


PUMPING = {
    "pumping_hour_calls": 8,
    "pumping_times_usual": 4,
    "pumping_same_duration_share": 0.5,
    "usual_days": 3,
}


@pytest.fixture
def pumping(add: Add) -> Add:
    """Eight charged calls in an hour, four of them of 30 seconds; on the three days before it had 5, 2 and 0."""

    def charged(started_at: str, seconds: int, usd: str = "0.01", did: str = "1800") -> None:
        add("cdr_in", started_at, did_number=did, toll_free_usd=usd, **_in(answered(started_at, seconds)))

    for minute, seconds in enumerate((30, 30, 30, 30, 10, 20, 40, 50)):
        charged(at(f"02:{minute:02d}:00"), seconds)
    charged(at("02:30:00"), 30, usd="0")
    charged(at("02:30:00"), 30, did="1801")
    for day, calls in ((4, 5), (3, 2), (1, 7), (6, 7)):  # two days before, and one too long ago and one afterwards
        for minute in range(calls):
            charged(at(f"02:{minute:02d}:00", day), 60)
    charged(at("12:00:00", 2), 60)  # no such hour on that day
    return add


def test_a_surge_of_equally_long_toll_free_calls_is_found(pumping: Add, found: Found) -> None:
    (row,) = found("trends.watch_toll_free_pumping", **PUMPING)
    assert (row["month"], row["did_number"]) == ("2026-10", "1800")
    assert (str(row["first_call_at"]), str(row["last_call_at"])) == (at("02:00:00"), at("02:07:00"))
    assert (row["calls"], row["usual_calls"], row["same_duration_calls"], row["same_duration_seconds"]) == (8, 2, 4, 30)
    assert (row["minutes"], row["toll_free_usd"]) == (4, Decimal("0.08"))
    assert row["why"] == "8 charged calls in one hour, where 2.0 are usual, 4 of them lasted 30 seconds"


def test_pumping_that_never_ends_is_found_every_night_and_regular_traffic_is_not(add: Add, found: Found) -> None:
    days = [str(date(2026, 9, 20) + timedelta(days=place)) for place in range(9)]
    for day in days:
        for call in range(32):
            for did, seconds in (("1800", 30), ("1801", 60 + call)):  # as many calls, of all lengths
                start = f"{day} 02:{call:02}:00"
                add("cdr_in", start, did_number=did, toll_free_usd="0.01", **_in(answered(start, seconds)))
    # by chance a third of them is equally long once
    for call in range(16):
        start = f"{days[-1]} 02:{call:02}:30"
        add("cdr_in", start, did_number="1801", toll_free_usd="0.01", **_in(answered(start, 59)))
    rows = found("trends.watch_toll_free_pumping", usual_days=4)
    assert [(row["did_number"], str(row["first_call_at"])[:10]) for row in rows] == [("1800", day) for day in days]


def test_toll_free_calls_whose_lengths_are_not_known_are_not_equally_long(add: Add, mart: Found) -> None:
    for seconds in (None, None, None, 20, 20, 30):
        add(
            "cdr_in",
            at("02:00:00"),
            did_number="1800",
            toll_free_usd="0.01",
            connected_at=at("02:00:00"),
            duration_seconds=seconds,
        )
    add("cdr_in", at("03:00:00"), did_number="1800", toll_free_usd="0.01")
    two, three = mart("marts.hourly_toll_free", "hour")
    assert (two["calls"], two["same_duration_calls"], two["same_duration_seconds"]) == (6, 2, 20)
    assert (three["calls"], three["same_duration_calls"], three["same_duration_seconds"]) == (1, 0, None)


@pytest.mark.parametrize(
    "missed", [{"pumping_hour_calls": 9}, {"pumping_times_usual": 4.01}, {"pumping_same_duration_share": 0.51}]
)
def test_an_hour_that_misses_one_threshold_of_pumping_is_not_found(
    missed: dict[str, float], pumping: Add, found: Found
) -> None:
    assert found("trends.watch_toll_free_pumping", **PUMPING | missed) == []


FALSE_ANSWER = {
    "false_answer_day_calls": 4,
    "false_answer_delay_seconds": 1,
    "false_answer_call_seconds": 10,
    "false_answer_share": 0.5,
}


@pytest.fixture
def false_answer(add: Add) -> Add:
    """Of four answers two came within a second for ten seconds; one was later, one call longer."""
    to = {"destination_country": "Cuba", "network": "Etecsa"}
    for delay, seconds in ((0, 10), (1, 10), (2, 10), (0, 11)):
        add("cdr_out", at("10:00:00"), **to, charged_usd="0.1", **answered(at("10:00:00"), seconds, delay))
    add("cdr_out", at("10:00:00"), **to, duration_seconds=0)
    add("cdr_out", at("10:00:00", 6), **to, **answered(at("10:00:00", 6), 5))  # one on the day after, of two
    add("cdr_out", at("10:00:00", 6), **to, duration_seconds=0)
    add("cdr_out", at("10:00:00"), destination_country="Cuba", network="other", **answered(at("10:00:00"), 5))
    return add


def test_a_day_of_answers_that_came_at_once_is_found(false_answer: Add, found: Found) -> None:
    (row,) = found("marts.watch_false_answer", **FALSE_ANSWER)
    assert (str(row["day"]), row["destination_country"], row["network"]) == ("2026-10-05", "Cuba", "Etecsa")
    assert (row["calls"], row["answered_calls"], row["suspect_calls"]) == (5, 4, 2)
    assert (row["asr_call"], row["asr_call_other_days"], row["acd_seconds"]) == (0.8, 0.5, 10.25)
    assert row["suspect_usd"] == Decimal("0.2")
    assert row["why"] == "2 of 4 answers came at once and were over soon"


@pytest.mark.parametrize(
    "missed",
    [
        {"false_answer_day_calls": 5},
        {"false_answer_delay_seconds": 0},
        {"false_answer_call_seconds": 9},
        {"false_answer_share": 0.51},
    ],
)
def test_a_day_that_misses_one_threshold_of_false_answers_is_not_found(
    missed: dict[str, float], false_answer: Add, found: Found
) -> None:
    assert found("marts.watch_false_answer", **FALSE_ANSWER | missed) == []


def test_calls_longer_than_four_hours_are_found_in_both_directions(add: Add, found: Found) -> None:
    for record_type, seconds in (("cdr_in", 14_401), ("cdr_out", 14_400), ("cdr_out", 18_000), ("cdr_in", 14_400)):
        cells = {"connected_at": at("10:00:00"), "duration_seconds": seconds, "call_id": f"{record_type} {seconds}"}
        add(record_type, at("10:00:00"), **cells, row_number=seconds)
    found_calls = [
        (row["direction"], row["call_id"], row["row_number"], row["why"]) for row in found("marts.watch_stuck_calls")
    ]
    assert found_calls == [("in", "cdr_in 14401", 14_401, "4.0 hours"), ("out", "cdr_out 18000", 18_000, "5.0 hours")]


SCANS = {"scan_hour_numbers": 4, "scan_neighbour_step": 11, "scan_neighbour_share": 0.5, "scan_acd_seconds": 9.51}


@pytest.fixture
def scans(add: Add) -> Add:
    """Four numbers, one of them twice: 100, 110, 121 and 300; the two answered calls lasted 5 and 14 seconds."""
    for minute, (number, seconds) in enumerate({"110": 5, "300": 0, "100": 14, "121": 0}.items()):
        clock = at(f"10:{minute:02d}:00")
        cells = answered(clock, seconds) if seconds else {"duration_seconds": 0}
        add("cdr_out", clock, source_number="4477", destination_number=number, charged_usd="0.1", **cells)
    add("cdr_out", at("10:59:59"), source_number="4477", destination_number="100", duration_seconds=0)
    add("cdr_out", at("11:00:00"), source_number="4477", destination_number="101", duration_seconds=0)
    add("cdr_out", at("10:00:00"), source_number="4478", destination_number="101", duration_seconds=0)
    return add


def test_a_source_that_dials_neighbours_and_talks_to_nobody_is_found(scans: Add, found: Found) -> None:
    (row,) = found("marts.watch_scans", **SCANS)
    assert (row["direction"], row["source_number"]) == ("out", "4477")
    assert (str(row["first_call_at"]), str(row["last_call_at"])) == (at("10:00:00"), at("10:59:59"))
    assert (row["calls"], row["answered_calls"], row["called_numbers"], row["neighbours"]) == (5, 2, 4, 2)
    assert (row["acd_seconds"], row["cost_usd"]) == (9.5, Decimal("0.4"))
    assert row["why"] == "4 numbers in one hour, 2 of them neighbours, 2 calls answered"


@pytest.mark.parametrize(
    "missed",
    [{"scan_hour_numbers": 5}, {"scan_neighbour_step": 10}, {"scan_neighbour_share": 0.51}, {"scan_acd_seconds": 9.5}],
)
def test_an_hour_that_misses_one_threshold_of_scans_is_not_found(
    missed: dict[str, float], scans: Add, found: Found
) -> None:
    assert found("marts.watch_scans", **SCANS | missed) == []


def test_a_scan_over_our_own_numbers_is_found_where_nobody_answered(add: Add, found: Found) -> None:
    for did in ("4420", "4421", "4422", "4423"):
        add("cdr_in", at("10:00:00"), source_number="22505", did_number=did, duration_seconds=0)
    (row,) = found("marts.watch_scans", **SCANS)
    assert (row["direction"], row["called_numbers"], row["neighbours"], row["acd_seconds"]) == ("in", 4, 3, None)


@pytest.mark.parametrize("name", ["wangiri", "false_answer", "stuck_calls", "scans", "irsf", "toll_free_pumping"])
def test_a_watch_list_says_that_it_comes_late(name: str, objects: dict[str, str], trends: dict[str, str]) -> None:
    (text,) = (text for known, text in (objects | trends).items() if known.endswith(f".watch_{name}"))
    assert "-- Forensic: exports are hours old; this finds, it does not block." in text.splitlines()[:5]
