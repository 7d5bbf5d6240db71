"""What cannot be, but is in the records all the same, stops no mart from being built and is in its sums."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

Add = Callable[..., None]
Rows = Callable[[str], list[dict[str, Any]]]

START = "2026-10-05 10:00:00"
MOST_USD = Decimal("999999999999.999999")
MOST_SECONDS = 2**31 - 1
NUMBERS = (
    "-9223372036854775808",
    "9223372036854775807",
    "99999999999999999999",
    "1e5",
    " 7",
    "+44",
    "\u0663",
    "",
    None,
)


def _absurd(add: Add) -> None:
    """The largest amount and duration that a record can hold, many times, with numbers that are none."""
    for place, number in enumerate(NUMBERS * 2):
        talk = {"connected_at": START, "ended_at": "1970-01-01 00:00:00", "duration_seconds": MOST_SECONDS}
        money = dict.fromkeys(("toll_free_usd", "pstn_usd", "metered_usd", "cnam_usd", "total_usd"), MOST_USD)
        negative = {"connected_at": None, "duration_seconds": -MOST_SECONDS, "charged_usd": -MOST_USD}
        add("cdr_in", START, call_id=f"{place}", did_number=number, source_number="1", attempt=1, **talk, **money)
        out: dict[str, object] = {
            "destination_number": number,
            "source_number": "1",
            "trunk_name": "A",
            "destination_country": "UK",
        }
        out |= {"billing_seconds": MOST_SECONDS, "rate_usd": MOST_USD, "network": "N"}
        for _ in range(3):
            add("cdr_out", START, **out, **talk, charged_usd=MOST_USD)
        add("cdr_out", "2026-11-30 23:59:59", **out, **negative)


def test_every_table_of_absurd_records_is_built_and_every_check_runs(
    add: Add,
    build: Callable[..., None],
    rows: Rows,
    objects: dict[str, str],
    trends: dict[str, str],
    checks: dict[str, str],
) -> None:
    _absurd(add)
    build()
    for name in (*objects, *trends):
        rows(f"FROM {name}")
    failing = {name for name, text in checks.items() if rows(text)}
    assert failing & {"what_if_keeps_spend", "calls_keep_rows", "costs_keep_totals", "marts_keep_rows"} == set()
    count = 2 * len(NUMBERS)
    found = {row["direction"]: row for row in rows("FROM marts.daily_traffic WHERE month = '2026-10'")}
    assert found["in"]["cost_usd"] == count * MOST_USD
    assert found["out"]["cost_usd"] == 3 * count * MOST_USD
    assert found["out"]["duration_seconds"] == 3 * count * MOST_SECONDS
    (last, *_) = rows("FROM marts.channel_what_if WHERE scope = 'all' ORDER BY extra_channels DESC")
    assert last["avoided_at_least_usd"] == last["metered_usd"] == count * MOST_USD
    costs = ("cost_by_trunk", "cost_by_component", "cost_by_day")
    for name in costs:
        summed = rows(f"SELECT sum(cost_usd) AS usd FROM marts.{name} WHERE month = '2026-10' AND direction = 'out'")
        assert summed == [{"usd": 3 * count * MOST_USD}], name
    assert {row["month"] for row in rows("FROM trends.watch_irsf")} == {"2026-10"}


def test_a_number_that_is_none_has_no_neighbour(add: Add, build: Callable[..., None], rows: Rows, con: Any) -> None:
    con.execute("UPDATE seeds.thresholds SET value = '2' WHERE name = 'scan_hour_numbers'")
    con.execute("UPDATE seeds.thresholds SET value = '0' WHERE name = 'scan_neighbour_share'")
    for number in (*NUMBERS, "100", "101"):
        add("cdr_out", START, source_number="1", destination_number=number, duration_seconds=0)
    build()
    (row,) = rows("FROM marts.watch_scans")
    assert (row["called_numbers"], row["neighbours"]) == (len(NUMBERS) + 1, 1)
