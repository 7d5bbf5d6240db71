"""What the report says is what the tables say."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from pipeline.report.wording import change, count, points, seconds, several, share, usd
from tests.report.conftest import Edited, Reported

SECOND = timedelta(seconds=1)
ROWS = {
    "in": """
        SELECT started_at, connected_at IS NOT NULL AS answered, duration_seconds, total_usd AS cost,
            attempt = 1 AS first FROM cdr_in""",
    "out": """
        SELECT started_at, connected_at IS NOT NULL AS answered, duration_seconds, charged_usd AS cost,
            true AS first FROM cdr_out""",
}


def totals(db: duckdb.DuckDBPyConnection, direction: str, span: str, times: str = "1") -> dict[str, Any]:
    """The headline figures straight from the rows, without any mart; ``times`` says how often a row counts."""
    rows = " UNION ALL ".join(ROWS.values()) if direction == "both" else ROWS[direction]
    found = db.execute(f"""
        SELECT sum({times}) FILTER (first), sum({times}) FILTER (answered), sum({times} * duration_seconds),
            sum({times} * cost)
        FROM ({rows}) WHERE {span}""").fetchone()
    assert found is not None
    calls, answered, length, cost = found
    return {
        "Calls": calls,
        "Answered": answered,
        "ASR": answered / calls,
        "ACD": length / answered,
        "Minutes": length / 60,
        "Cost, USD": cost,
    }


WRITTEN = {"Calls": count, "Answered": count, "ASR": share, "ACD": seconds, "Minutes": count, "Cost, USD": usd}


def shown(now: dict[str, Any], compared: dict[str, Any], before: dict[str, Any]) -> dict[str, str]:
    cells = {}
    for name, value in now.items():
        new, old = float(compared[name]), float(before[name])
        note = points(new - old) if name == "ASR" else change(new / old - 1)
        cells[name] = f"{WRITTEN[name](value)} ({note})"
    return cells


@pytest.mark.parametrize(("place", "direction"), [(0, "both"), (1, "in"), (2, "out")])
def test_the_headline_is_that_of_the_rows_and_is_compared_with_the_month_before(
    db: duckdb.DuckDBPyConnection, report: Reported, place: int, direction: str
) -> None:
    page = report("2026-10")
    now = totals(db, direction, "started_at BETWEEN '2026-10-01' AND '2026-10-31 23:59:59'")
    # October 2026 has 5 Thursdays to Saturdays and 4 of each other weekday, September 5 Tuesdays and Wednesdays
    october = {4: 5, 5: 5, 6: 5}
    september = {2: 5, 3: 5}
    cases = " ".join(f"WHEN {n} THEN {october.get(n, 4) / september.get(n, 4)}" for n in range(1, 8))
    times = f"CAST(CASE isodow(started_at) {cases} END AS DOUBLE)"
    before = totals(db, direction, "started_at BETWEEN '2026-09-01' AND '2026-09-30 23:59:59'", times)
    for name, cell in shown(now, now, before).items():
        assert page.row("headline", name)[place] == cell


def test_a_working_day_more_is_no_change(edited: Edited, report: Reported) -> None:
    """Ten calls each Monday to Friday: 220 in September, of 22 such days, and 220 in October; 210 in November's 21."""
    same = """
        CREATE OR REPLACE TABLE marts.daily_traffic AS
        SELECT strftime(day, '%Y-%m') AS month, day, direction, 10 AS calls, 5 AS answered_calls,
            300 AS answered_seconds, 300 AS duration_seconds, 1.00::DECIMAL(38, 6) AS cost_usd, 0.5 AS asr_call,
            60.0 AS acd_seconds, 5.0 AS minutes
        FROM (SELECT unnest(generate_series(DATE '2026-09-01', DATE '2026-11-30', INTERVAL 1 DAY))::DATE AS day)
        CROSS JOIN (VALUES ('in'), ('out')) AS directions (direction) WHERE isodow(day) <= 5"""
    whole = "UPDATE coverage SET state = 'sealed', loaded_until = '2026-12-01'"
    page = report("2026-11", edited(same, whole))
    assert page.row("headline", "Calls") == ["420 (+0.0\N{NO-BREAK SPACE}%)"] + ["210 (+0.0\N{NO-BREAK SPACE}%)"] * 2
    assert "+0.0\N{NO-BREAK SPACE}% against October, weekday by weekday" in page.brief["Cost"]


def test_a_running_month_is_compared_with_the_weekdays_of_its_whole_days(
    db: duckdb.DuckDBPyConnection, report: Reported
) -> None:
    page = report("2026-11")
    now = totals(db, "both", "started_at >= '2026-11-01'")
    whole = totals(db, "both", "started_at >= '2026-11-01' AND started_at < '2026-11-21'")
    # the first 20 days of November 2026 have 3 of each weekday, but of Saturday (7, 14) 2; October 5 of Thu, Fri, Sat
    times = "CAST(CASE isodow(started_at) WHEN 4 THEN 0.6 WHEN 5 THEN 0.6 WHEN 6 THEN 0.4 ELSE 0.75 END AS DOUBLE)"
    before = totals(db, "both", "started_at >= '2026-10-01' AND started_at < '2026-11-01'", times)
    assert whole != now
    for name, cell in shown(now, whole, before).items():
        assert page.row("headline", name)[0] == cell
    assert "first 20 whole days" in page.said("headline")


def test_the_first_month_has_nothing_to_compare_with(report: Reported) -> None:
    page = report("2026-09")
    assert "no whole figures of August" in page.said("headline")
    assert "(" not in page.row("headline", "Calls")[0]


def test_like_is_compared_with_like(edited: Edited, report: Reported) -> None:
    one_sided = report(
        "2026-10",
        edited(
            "DELETE FROM marts.daily_traffic WHERE month = '2026-09' AND direction = 'out'",
            "UPDATE coverage SET rows = NULL, state = 'missing' WHERE month = '2026-09' AND record_type = 'cdr_out'",
        ),
    )
    assert ["(" in cell for cell in one_sided.row("headline", "Calls")] == [False, True, False]
    half = report("2026-10", edited("UPDATE coverage SET state = 'open', rows = 1 WHERE month = '2026-09'"))
    assert ["(" in cell for cell in half.row("headline", "Calls")] == [False] * 3
    assert "no whole figures of September" in half.said("headline")


def test_a_month_that_has_just_begun_is_compared_with_nothing(edited: Edited, report: Reported) -> None:
    begun = edited("UPDATE coverage SET loaded_until = '2026-11-01 09:00:00' WHERE month = '2026-11'")
    page = report("2026-11", begun)
    assert "no whole day yet" in page.said("headline")
    assert "(" not in page.row("headline", "Calls")[0]


def test_the_top_of_the_page_answers_what_a_newcomer_asks(db: duckdb.DuckDBPyConnection, report: Reported) -> None:
    brief = report("2026-09").brief
    each = [totals(db, way, "started_at < '2026-10-01'")["Cost, USD"] for way in ("both", "in", "out")]
    assert brief["Cost"] == f"September cost USD {usd(each[0])}: {usd(each[1])} inbound and {usd(each[2])} outbound."
    busiest = db.execute("""
        SELECT did_number, count(*) FROM cdr_in WHERE month = '2026-09' AND attempt = 1
        GROUP BY did_number ORDER BY count(*) DESC, did_number LIMIT 1""").fetchone()
    assert busiest is not None
    assert brief["Busiest DID"].startswith(f"{busiest[0]}: {count(busiest[1])} calls, ")
    assert brief["At risk"] == (
        "cdr_in and cdr_out of September 2026: kept but not sealed, and the vendor forgets it in 9 days; "
        "records that it writes until then would be lost."
    )
    worst = db.execute("""
        SELECT trunk_name, direction FROM marts.trunk_quality WHERE month = '2026-09' AND trunk_name IS NOT NULL
        GROUP BY trunk_name, direction HAVING sum(attempts) >= 100
        ORDER BY sum(ner * attempts) / sum(attempts) LIMIT 1""").fetchone()
    assert worst is not None
    assert brief["Failing trunk"].startswith(f"{worst[0]} ({worst[1]}bound): ")


def test_the_charts_hold_the_days_of_the_tables(db: duckdb.DuckDBPyConnection, report: Reported) -> None:
    days = report("2026-11").figures["calls"]["data"]["values"]
    assert [day["day"] for day in days] == list(range(1, 31))
    found = dict(
        db.execute("SELECT day(day), calls FROM marts.daily_traffic WHERE month = '2026-11' AND direction = 'in'")
        .fetchall()
    )  # fmt: skip
    assert len(found) == 21
    assert {day["day"]: day["in"] for day in days if day["in"] is not None} == found
    assert days[19] | {"in": 0, "out": 0} == {
        "day": 20, "date": "Fri 20 Nov", "weekend": False, "part": False, "in": 0, "out": 0
    }  # fmt: skip
    blank = {"weekend": False, "part": True, "in": None, "out": None}
    assert days[25] == {"day": 26, "date": "Thu 26 Nov, not over", **blank}


def test_the_components_add_up_to_the_cost(db: duckdb.DuckDBPyConnection, report: Reported) -> None:
    page = report("2026-10")
    parts = sum(Decimal(cells[1].replace(",", "")) for cells in page.tables["cost"][0][1:])
    total = totals(db, "both", "started_at BETWEEN '2026-10-01' AND '2026-10-31 23:59:59'")["Cost, USD"]
    assert abs(parts - total) <= Decimal("0.03")  # six figures rounded to the cent
    days = page.figures["cost"]["data"]["values"]
    charged = sum(
        value for day in days for name, value in day.items() if name not in {"day", "date", "weekend", "part"} and value
    )
    assert charged == pytest.approx(float(total))


def test_the_channels_are_those_of_the_busiest_second(db: duckdb.DuckDBPyConnection, report: Reported) -> None:
    page = report("2026-10")
    calls = db.execute(
        "SELECT started_at, coalesce(ended_at, started_at) FROM cdr_out WHERE month = '2026-10'"
    ).fetchall()
    in_use = {at: sum(start <= at < max(end, start + SECOND) for start, end in calls) for at, _ in calls}
    at = min((at for at, most in in_use.items() if most == max(in_use.values())))
    told = f"{in_use[at]} outbound at once on {at:%a} {at.day} {at:%b} at {at:%H:%M:%S} UTC."
    assert told in page.brief["Most channels"]
    hour = page.row("capacity", f"{at:%a}", table=1)[at.hour]
    assert hour == str(in_use[at])
    assert max(int(cell) for row in page.tables["capacity"][1][1:] for cell in row[1:] if cell != "–") == in_use[at]


def test_a_flat_channel_is_advised_by_what_it_would_have_saved(db: duckdb.DuckDBPyConnection, report: Reported) -> None:
    page = report("2026-10")
    one = db.execute("""
        SELECT metered_usd, avoided_at_least_usd FROM marts.channel_what_if
        WHERE month = '2026-10' AND scope = 'all' AND extra_channels = 1""").fetchone()
    assert one is not None
    assert f"cost USD {usd(one[0])}" in page.said("advice")
    assert f"at least USD {usd(one[1])} of it" in page.said("advice")


def test_a_month_that_is_missing_is_named_with_its_command(edited: Edited, report: Reported) -> None:
    warehouse = edited(
        "UPDATE coverage SET state = 'missing', rows = NULL WHERE month = '2026-09' AND record_type = 'cdr_out'"
    )
    page = report("2026-10", warehouse)
    assert page.brief["At risk"].splitlines()[0].startswith("cdr_in of September 2026: kept but not sealed")
    assert "cdr_out of September 2026: never requested" in page.brief["At risk"]
    assert "`cdr backfill --from 2026-09 --to 2026-09`" in page.brief["At risk"]
    september = page.row("coverage", "cdr_out 2026")[8]
    assert september == "missing (9 d left)"


def test_when_all_is_sealed_nothing_is_at_risk(edited: Edited, report: Reported) -> None:
    page = report("2026-10", edited("UPDATE coverage SET state = 'sealed'"))
    assert page.brief["At risk"] == "No month is at risk of being lost at the vendor."


def test_what_a_re_export_changed_is_told(edited: Edited, report: Reported) -> None:
    assert "was exported once" in report("2026-10").said("differences")
    again = "INSERT INTO exports SELECT * REPLACE ('before' AS export_id) FROM exports WHERE month = '2026-10'"
    assert "equal to the one before" in report("2026-10", edited(again)).said("differences")
    changed = """
        INSERT INTO differences
        SELECT record_type, month, DATE '2026-10-05', {newer}, {older}, now(), 10, 12, 3, 1, 4, 60, 0.123456
        FROM coverage WHERE month = '2026-10' AND record_type = 'cdr_in'"""
    newest = changed.format(newer="export_id", older="'before'")
    warehouse = edited(newest, changed.format(newer="'before'", older="'long before'"))
    page = report("2026-10", warehouse)
    assert "differs on 1 day: 3 rows added, 1 gone, 4 changed" in page.said("differences")
    assert len(page.tables["differences"][0]) == 2
    assert page.row("differences", "cdr_in") == ["Mon 5 Oct", "10", "12", "3", "1", "4", "60", "0.123456"]


def test_rejected_records_are_counted_and_not_shown(edited: Edited, report: Reported) -> None:
    warehouse = edited("""
        INSERT INTO rejected_rows (record_type, month, export_id, row_number, line_number, reason, raw_line)
        SELECT 'cdr_in', '2026-10', 'e', i, i, 'has 3 cells instead of 22', '+4915112345678,secret'
        FROM range(7) AS t(i)""")
    page = report("2026-10", warehouse)
    assert "7 records could not be read" in page.said("exactness")
    assert page.row("exactness", "cdr_in") == ["has 3 cells instead of 22", "7"]
    assert "4915112345678" not in page.source


def test_books_that_do_not_balance_are_said_at_the_top(edited: Edited, report: Reported) -> None:
    assert "to the last digit" in report("2026-10").said("exactness")
    warehouse = edited(
        "UPDATE control_totals SET amount = amount + 0.000001 WHERE month = '2026-10' AND name = 'total_usd'"
    )
    page = report("2026-10", warehouse)
    assert page.brief["Not exact"] == (
        "The published tables differ from the archived files in cdr_in total_usd: run `cdr rebuild`."
    )
    assert any(
        cells[:2] == ["cdr_in", "total_usd"] and cells[-2:] == ["0.000001", "0"]
        for cells in page.tables["exactness"][1]
    )


def test_amounts_that_cannot_be_read_are_said_and_no_other_sum_is_doubted(edited: Edited, report: Reported) -> None:
    assert "Amounts unknown" in report("2026-10").tables["exactness"][1][0]
    where = "WHERE month = '2026-10' AND record_type = 'cdr_out'"
    page = report(
        "2026-10",
        edited(f"UPDATE control_totals SET unknown = 3 {where} AND name IN ('charged_usd', 'duration_seconds')"),
    )
    hidden = (
        "The archived files hold amounts that cannot be read and are in no sum, of cdr_out duration_seconds, cdr_out "
        "charged_usd: rejected_rows has their records, and those sums are exact only without them."
    )
    sums = len(page.tables["exactness"][0]) - 1 + len(page.tables["exactness"][1]) - 1
    others = f"All other {sums - 2} sums of rows, seconds and money are those of the archived files, to the last digit."
    assert page.sentences["exactness"][1:3] == [hidden, others]
    assert page.brief["Not exact"] == f"{hidden} {others}"
    unknown = {tuple(cells[:2]): cells[-1] for cells in page.tables["exactness"][1][1:]}
    assert unknown.pop(("cdr_out", "charged_usd")) == unknown.pop(("cdr_out", "duration_seconds")) == "3"
    assert {*unknown.values()} == {"0"}


def test_records_stand_in_three_books_of_which_one_is_counted_in_the_bytes(
    db: duckdb.DuckDBPyConnection, edited: Edited, report: Reported
) -> None:
    page = report("2026-10")
    kept = db.execute("SELECT count(*) FROM cdr_in WHERE month = '2026-10'").fetchone()
    assert kept is not None
    whole = f"{kept[0]:,}"
    assert page.tables["exactness"][0][0][1:4] == ["Counted in the bytes", "Read", "Loaded"]
    assert page.row("exactness", "cdr_in") == [whole, whole, whole, "0", "0"]
    where = "WHERE month = '2026-10' AND record_type = 'cdr_in' AND name = 'rows'"
    page = report("2026-10", edited(f"UPDATE control_totals SET counted = counted + 1 {where}"))
    assert page.brief["Not exact"].startswith("The published tables differ from the archived files in cdr_in rows")
    page = report(
        "2026-10", edited(f"UPDATE control_totals SET counted = NULL {where}")
    )  # loaded before that was noted
    assert "Not exact" not in page.brief
    assert page.row("exactness", "cdr_in") == ["–", whole, whole, "0", "0"]


def test_findings_are_told_without_the_caller(edited: Edited, report: Reported) -> None:
    assert "Looked for and not found" in report("2026-10").said("watch")
    warehouse = edited("""
        INSERT INTO marts.watch_scans BY NAME
        SELECT '2026-10' AS month, 'in' AS direction, '4915112345678' AS source_number,
            TIMESTAMP '2026-10-07 03:00:00' AS first_call_at, '60 numbers in one hour' AS why, 1.5 AS cost_usd""")
    page = report("2026-10", warehouse)
    assert page.brief["Watch lists"] == "1 finding: scans 1."
    assert page.row("watch", "Scans") == ["1.50", "7 Oct 2026 03:00:00", "inbound", "60 numbers in one hour"]
    assert "4915112345678" not in page.source


def test_no_caller_is_named(db: duckdb.DuckDBPyConnection, report: Reported) -> None:
    source = report("2026-10").source.partition("<script>")[0]  # what comes then is the charting library
    callers = db.execute("""
        SELECT source_number FROM cdr_in UNION SELECT source_name FROM cdr_in UNION SELECT source_number FROM cdr_out
        UNION SELECT cli FROM cdr_out UNION SELECT destination_number FROM cdr_out""").fetchall()
    ours = {number for (number,) in db.execute("SELECT DISTINCT did_number FROM cdr_in").fetchall()}
    assert len(callers) > 100
    told = {caller for (caller,) in callers if caller and len(caller) > 6 and caller not in ours and caller in source}
    assert told == set()
    assert re.search(r"\b0049\d{6}", source) is None


NO_CALLS = (
    *(f"DELETE FROM marts.{mart} WHERE month = '2026-10'" for mart in (
        "daily_traffic", "cost_by_component", "cost_by_day", "did_usage", "cost_by_country", "cost_by_network",
        "peak_concurrency", "hourly_concurrency", "channel_what_if", "trunk_quality", "disconnect_causes",
    )),
    "UPDATE coverage SET rows = 0 WHERE month = '2026-10'",
)  # fmt: skip


def test_a_loaded_month_without_a_call_says_so(edited: Edited, report: Reported) -> None:
    page = report("2026-10", edited(*NO_CALLS))
    assert page.row("headline", "Calls") == ["0 (−100.0\N{NO-BREAK SPACE}%)"] * 3
    assert page.row("headline", "ASR") == ["–"] * 3
    assert page.brief["Traffic"] == "No calls."
    assert page.brief["Cost"].startswith("October cost USD 0.00: 0.00 inbound and 0.00 outbound; −100.0")
    assert page.said("traffic") == "No calls in this month."
    assert page.said("dids").startswith("No DID was called in this month.")
    assert page.said("destinations") == "No outbound calls in this month."
    assert page.said("trunks") == "No trunk was used in this month."


def test_what_is_not_loaded_is_no_month_without_calls(edited: Edited, report: Reported) -> None:
    lacking = "UPDATE coverage SET rows = NULL, state = 'missing' WHERE month = '2026-10' AND record_type = 'cdr_out'"
    page = report("2026-10", edited("DELETE FROM marts.cost_by_country WHERE month = '2026-10'", lacking))
    assert page.said("destinations") == "cdr_out of this month is not loaded."


def test_a_day_that_is_not_over_is_drawn_and_named_as_a_part(report: Reported) -> None:
    page = report("2026-11")
    calls, asr = page.figures["calls"], page.figures["asr-call"]
    values = {day["day"]: day for day in calls["data"]["values"]}
    assert values[21]["in"] is not None
    assert (values[20]["part"], values[21]["part"]) == (False, True)
    assert calls["layer"][1]["encoding"]["fillOpacity"]["condition"]["test"] == "datum.part"
    assert {"filter": "!datum.part"} in asr["layer"][1]["transform"]
    assert {"filter": "!datum.part"} not in calls["layer"][1]["transform"]
    assert [row[0] for row in page.tables["traffic"][0][-2:]] == ["Fri 20 Nov", "Sat 21 Nov, not over"]
    assert "Calls per day (UTC); pale: days that are not over" in page.source
    assert "ASR: share of calls answered (UTC); left out: days that are not over" in page.source
    assert "days that are not over" not in report("2026-10").source


def test_calls_without_a_country_stand_beside_the_countries(edited: Edited, report: Reported) -> None:
    more = """
        INSERT INTO marts.cost_by_country BY NAME
        SELECT '2026-10' AS month, 'Land ' || n AS destination_country, 'Local' AS call_type, 1 AS calls,
            1 AS answered_calls, 1.0 AS billed_minutes, 100 + n AS charged_usd FROM range(15) AS numbers(n)"""
    page = report("2026-10", edited(more))
    first = page.tables["destinations"][0]
    assert first[0] == ["Country", "Cost, USD", "Calls", "ASR", "Billed minutes", "USD a billed minute"]
    assert [row[0] for row in first[1:]] == [f"Land {n}" for n in range(14, -1, -1)] + ["No country named"]
    assert page.row("destinations", "Land 3")[:1] == ["103.00"]
    assert page.row("destinations", "Land 3")[3:] == ["1", "103.000000"]
    assert "the vendor names no country of" in page.said("destinations")
    assert "1 billed minute." in page.said("destinations")


def test_lost_calls_stand_beside_the_channels(db: duckdb.DuckDBPyConnection, report: Reported) -> None:
    page = report("2026-10")
    lost = db.execute("""
        SELECT count(*) FROM (SELECT call_id FROM cdr_in WHERE month = '2026-10'
            GROUP BY call_id, started_at, source_number
            HAVING count(connected_at) = 0 AND arg_max(disconnect_reason, attempt) = 'DID number overloaded')
        """).fetchone()
    assert lost is not None
    assert lost[0] > 1
    assert f"Lost for lack of a channel: {lost[0]} calls" in page.said("capacity")
    assert page.tables["capacity"][2][0][1:3] == ["Channels", "Lost calls"]
    assert f"also have carried {lost[0]} calls lost for lack of one" in page.said("advice")
    assert page.tables["advice"][0][0][-1] == "Lost calls"
    assert {cells[-1] for cells in page.tables["advice"][0][1:]} == {str(lost[0])}


def test_calls_that_were_lost_are_told_where_no_channel_was_in_use_and_nothing_was_paid(
    edited: Edited, report: Reported
) -> None:
    full = "'2026-10' AS month, 'in' AS direction, 'all' AS scope, 4 AS lost_calls, 0 AS peak_held_channels"
    warehouse = edited(
        *(
            f"DELETE FROM marts.{mart} WHERE month = '2026-10'"
            for mart in ("hourly_concurrency", "peak_concurrency", "channel_what_if")
        ),
        f"""INSERT INTO marts.hourly_concurrency BY NAME
        SELECT * EXCLUDE (scope), TIMESTAMP '2026-10-05 10:00:00' AS hour FROM (SELECT {full})""",
        f"INSERT INTO marts.peak_concurrency BY NAME SELECT {full}, DATE '2026-10-05' AS day, 0 AS busy_hour_erlangs",
        f"""INSERT INTO marts.channel_what_if BY NAME SELECT * EXCLUDE (direction, peak_held_channels),
        1 AS extra_channels, 0 AS metered_calls, 0 AS metered_usd FROM (SELECT {full})""",
    )
    page = report("2026-10", warehouse)
    assert page.sentences["capacity"][:2] == [
        "No channel was in use.",
        "Lost for lack of a channel: 4 calls; most within an hour, 4, on Mon 5 Oct from 10:00 UTC.",
    ]
    assert "Most channels" not in page.brief
    assert page.sentences["advice"][:2] == [
        "Nothing was paid for metered channels.",
        "More channels would also have carried 4 calls lost for lack of one.",
    ]


def test_the_column_that_sorts_a_table_is_the_second(report: Reported) -> None:
    page = report("2026-10")
    second = {
        (section, head[1])
        for section, tables in page.tables.items()
        for head in (table[0] for table in tables if table)
        if section in {"cost", "dids", "destinations", "trunks", "causes"}
    }
    assert second == {
        ("cost", "Cost, USD"), ("dids", "Calls"), ("destinations", "Cost, USD"), ("trunks", "NER"),
        ("causes", "Attempts")
    }  # fmt: skip


@pytest.mark.parametrize(("number", "said"), [(0, "0 calls"), (1, "1 call"), (1.2, "1 call"), (1999, "1,999 calls")])
def test_one_of_a_thing_is_one(number: float, said: str) -> None:
    assert several(number, "call") == said


def test_nothing_is_said_of_one_as_of_many(report: Reported) -> None:
    for month in ("2026-09", "2026-10", "2026-11"):
        page = report(month)
        said = " ".join([*page.brief.values(), *(text for texts in page.sentences.values() for text in texts)])
        assert len(said) > 1_000
        assert re.findall(r"(?<![\d,.])1 \w+s\b", said) == []


@pytest.mark.parametrize("section", ["dids", "capacity", "traffic"])
def test_where_an_hour_or_day_stands_utc_is_said(section: str, report: Reported) -> None:
    page = report("2026-10")
    heads = [head for table in page.tables[section] for head in table[0]]
    timed = [head for head in heads if re.match(r"Day\b|Last call|Busiest hour|Most at once", head)]
    assert timed
    assert [head for head in timed if not head.endswith(", UTC")] == []
    clocks = re.findall(r"\d\d:\d\d(?::\d\d)?\W*(?:UTC)?", page.said(section))
    assert [clock for clock in clocks if "UTC" not in clock] == []
