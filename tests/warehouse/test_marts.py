import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from pipeline.errors import PermanentError
from pipeline.normalise.schema import CDR_IN, CDR_OUT, schema_of
from pipeline.warehouse import queries
from pipeline.warehouse.history import drop_month
from pipeline.warehouse.lake import Lake
from pipeline.warehouse.marts import failure, is_behind
from pipeline.warehouse.queries import Query, base_tables, load, models, seeds
from pipeline.warehouse.relations import create
from tests.warehouse.conftest import build

BASE = {"cdr_in": schema_of(CDR_IN), "cdr_out": schema_of(CDR_OUT)}
MONTH = "2026-10"

Call = Callable[..., dict[str, Any]]
Put = Callable[..., Path]


def query(name: str, sql: str, *reads: str) -> Query:
    return Query(name, sql, "", {}, frozenset(reads))


COUNT = query("marts.counted", "SELECT month, count(*) AS calls FROM cdr_in GROUP BY month", "cdr_in")


def built(lake: Lake, name: str, month: str = MONTH) -> list[tuple[Any, ...]]:
    with duckdb.connect() as db:
        create(db, "shown", lake.files(name)[month], None)
        return db.execute("FROM shown ORDER BY ALL").fetchall()


def test_every_query_comes_after_all_that_it_reads() -> None:
    names = [one.name for one in models()]
    stored = [one.name for one in (*load("staging"), *load("marts")) if not one.is_view]
    assert len(names) == len(set(names)) == len(stored)
    for at, one in enumerate(models()):
        assert one.reads <= {*names[:at], *seeds(), *BASE}, one.name
        assert base_tables(one, models()) <= set(BASE)
        assert base_tables(one, models())


def test_every_column_of_every_mart_has_a_sentence() -> None:
    for one in models():
        assert one.about.startswith("One row per "), one.name
        assert one.columns, one.name
        assert {name for name, sentence in one.columns.items() if not sentence.endswith(".")} == set(), one.name


def test_dependencies_are_read_from_the_sql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "marts").mkdir()
    (tmp_path / "marts" / "m.sql").write_text(
        "-- One row per month.\n-- Ask: why?\n--\n-- More.\n"
        "WITH calls AS (SELECT * FROM cdr_in JOIN seeds.s USING (k))\n"
        "SELECT\n    -- The month.\n    month,\n    -- How many.\n"
        "    (SELECT count(*) FROM staging.x) AS n\nFROM calls;\n"
    )
    monkeypatch.setattr(queries, "SQL_FOLDER", tmp_path)
    (found,) = load("marts")
    assert (found.name, found.schema, found.about) == ("marts.m", "marts", "One row per month. Ask: why?")
    assert found.reads == {"cdr_in", "seeds.s", "staging.x"}
    assert found.columns == {"month": "The month.", "n": "How many."}


@pytest.mark.parametrize(
    ("text", "why"), [("SELECT FROM WHERE", "cannot be parsed"), ("DROP TABLE x", "is not one SELECT")]
)
def test_sql_that_is_no_query_is_refused(text: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "marts").mkdir()
    (tmp_path / "marts" / "bad.sql").write_text(text)
    monkeypatch.setattr(queries, "SQL_FOLDER", tmp_path)
    with pytest.raises(PermanentError, match=f"sql/marts/bad.sql {why}"):
        load("marts")


def test_a_month_is_built_once_and_again_only_when_what_it_reads_changes(lake: Lake, put: Put, call: Call) -> None:
    put("cdr_in", MONTH, [call("cdr_in", "2026-10-01 10:00:00")])
    assert is_behind(lake, COUNT, MONTH)
    assert build(lake, COUNT, MONTH, BASE)
    assert not build(lake, COUNT, MONTH, BASE)
    put("cdr_in", "2026-11", [call("cdr_in", "2026-11-01 10:00:00")])
    assert not is_behind(lake, COUNT, MONTH)
    put("cdr_in", MONTH, [call("cdr_in", "2026-10-01 10:00:00")] * 3, "e-2")
    assert build(lake, COUNT, MONTH, BASE)
    assert built(lake, "marts.counted") == [(MONTH, 3)]
    changed = replace(COUNT, sql=COUNT.sql.replace("count(*)", "count(*) * 10"))
    assert build(lake, changed, MONTH, BASE)
    assert built(lake, "marts.counted") == [(MONTH, 30)]
    assert not build(lake, changed, MONTH, BASE)


def test_a_changed_seed_rebuilds_the_marts_that_read_it_and_no_other(
    lake: Lake, put: Put, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(queries.SQL_FOLDER, tmp_path / "sql")
    monkeypatch.setattr(queries, "SQL_FOLDER", tmp_path / "sql")
    put("cdr_in", MONTH, [call("cdr_in", "2026-10-01 10:00:00")])
    classes = query(
        "marts.classes",
        "SELECT month, class FROM cdr_in JOIN seeds.disconnect_classes USING (disconnect_code)",
        "cdr_in",
        "seeds.disconnect_classes",
    )
    assert build(lake, classes, MONTH, BASE)
    assert build(lake, COUNT, MONTH, BASE)
    seed = tmp_path / "sql" / "seeds" / "disconnect_classes.csv"
    seed.write_text(
        seed.read_text().replace("\n200,", "\n200x,")
        + "200,ours"
        + "," * (seed.read_text().split("\n")[0].count(",") - 1)
        + "\n"
    )
    assert build(lake, classes, MONTH, BASE)
    assert not build(lake, COUNT, MONTH, BASE)
    assert built(lake, "marts.classes") == [(MONTH, "ours")]


def test_a_changed_metric_changes_the_queries_that_call_it_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {one.name: one for one in (*load("staging"), *load("marts"), *load("trends"))}
    shutil.copytree(queries.SQL_FOLDER, tmp_path / "sql")
    metric = tmp_path / "sql" / "metrics" / "acd.sql"
    metric.write_text(metric.read_text().replace("ratio(answered_seconds,", "ratio(2 * answered_seconds,"))
    monkeypatch.setattr(queries, "SQL_FOLDER", tmp_path / "sql")
    after = {one.name: one for one in (*load("staging"), *load("marts"), *load("trends"))}
    changed = {name for name, one in after.items() if one.sql != before[name].sql}
    assert changed == {name for name, one in before.items() if "acd(" in one.written}
    assert {"marts.daily_traffic", "marts.trunk_quality"} < changed < before.keys()


@pytest.mark.parametrize(
    ("header", "why"),
    [("-- grain: month, hour\n", "has no column hour"), ("-- month before: staging.y\n", r"does not read staging\.y")],
)
def test_a_header_that_speaks_of_what_is_not_there_is_refused(
    header: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "marts").mkdir()
    (tmp_path / "marts" / "m.sql").write_text(f"-- One row.\n-- Ask: why?\n{header}SELECT month FROM cdr_in\n")
    monkeypatch.setattr(queries, "SQL_FOLDER", tmp_path)
    with pytest.raises(PermanentError, match=rf"sql/marts/m\.sql {why}"):
        load("marts")


def test_a_view_stands_in_the_query_that_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("staging", "marts"):
        (tmp_path / folder).mkdir()
    (tmp_path / "staging" / "v.sql").write_text(
        "-- One row.\n-- Ask: what?\n-- materialized: view\nSELECT month FROM cdr_in\n"
    )
    text = (
        "-- One row.\n-- Ask: why?\nSELECT v.month, w.month AS other FROM staging.v JOIN staging.v AS w USING (month)\n"
    )
    (tmp_path / "marts" / "m.sql").write_text(text)
    monkeypatch.setattr(queries, "SQL_FOLDER", tmp_path)
    [found] = load("marts")
    assert found.sql.endswith(
        "FROM (\nSELECT month FROM cdr_in\n) AS v JOIN (\nSELECT month FROM cdr_in\n) AS w USING (month)"
    )
    assert (found.reads, found.written, found.is_view) == (frozenset({"cdr_in"}), text.strip(), False)


def test_a_month_that_staging_lacks_is_not_built_as_empty(lake: Lake, put: Put, call: Call) -> None:
    put("cdr_in", MONTH, [call("cdr_in", "2026-10-01 10:00:00")])
    upon = query("marts.upon", "SELECT month, count(*) AS n FROM staging.calls_in GROUP BY month", "staging.calls_in")
    with pytest.raises(PermanentError, match=r"staging\.calls_in lacks the month .* build it first"):
        build(lake, upon, MONTH, BASE)
    assert lake.files("marts.upon") == {}


EDGE = query(
    "staging.edge", "SELECT month, 'x' AS next_month, started_at FROM cdr_in WHERE started_at >= '2026-09-30'", "cdr_in"
)
TAKEN = replace(
    query(
        "marts.taken",
        "SELECT month, count(*) AS n FROM cdr_in GROUP BY month "
        "UNION ALL SELECT month, 100 * count(*) AS n FROM staging.edge GROUP BY month",
        "cdr_in",
        "staging.edge",
    ),
    before=frozenset({"staging.edge"}),
)


def test_a_month_is_made_again_when_what_it_takes_over_changes_and_keeps_what_has_expired(
    lake: Lake, put: Put, call: Call
) -> None:
    put("cdr_in", MONTH, [call("cdr_in", "2026-10-01 10:00:00")])
    assert build(lake, EDGE, MONTH, BASE)
    assert build(lake, TAKEN, MONTH, BASE)
    assert [row[1] for row in built(lake, "marts.taken")] == [1]  # September is not there
    put("cdr_in", "2026-09", [call("cdr_in", "2026-09-30 23:59:59")])
    assert not is_behind(lake, TAKEN, MONTH)
    assert build(lake, EDGE, "2026-09", BASE)
    assert is_behind(lake, TAKEN, MONTH)
    assert build(lake, TAKEN, MONTH, BASE)
    assert [row[1] for row in built(lake, "marts.taken")] == [1, 100]
    drop_month(lake, "cdr_in", "2026-09")
    drop_month(lake, "staging.edge", "2026-09")
    assert not build(lake, TAKEN, MONTH, BASE)
    put("cdr_in", "2026-09", [call("cdr_in", "2026-09-30 23:59:58")] * 2)
    assert build(lake, EDGE, "2026-09", BASE)
    assert build(lake, TAKEN, MONTH, BASE)
    assert [row[1] for row in built(lake, "marts.taken")] == [1, 200]


def test_the_month_before_is_named_by_the_header_and_must_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert {one.name for one in models() if one.before} == {"staging.channel_occupancy", "marts.channel_what_if"}
    (tmp_path / "marts").mkdir()
    (tmp_path / "marts" / "m.sql").write_text("-- One row.\n-- month before: staging.y\nSELECT month FROM staging.x")
    monkeypatch.setattr(queries, "SQL_FOLDER", tmp_path)
    with pytest.raises(PermanentError, match=r"m\.sql does not read staging\.y"):
        load("marts")


def test_a_month_that_the_calls_lack_is_built_as_empty(lake: Lake) -> None:
    assert build(lake, COUNT, MONTH, BASE)
    assert built(lake, "marts.counted") == []
    assert lake.version_keys("marts.counted").keys() == {MONTH}


def test_a_hugeint_is_refused_and_nothing_is_left(lake: Lake, put: Put, call: Call) -> None:
    put("cdr_in", MONTH, [call("cdr_in", "2026-10-01 10:00:00")])
    huge = query("marts.huge", "SELECT month, sum(duration_seconds) AS s FROM cdr_in GROUP BY month", "cdr_in")
    with pytest.raises(PermanentError, match=r"sql/marts/huge\.sql has a HUGEINT"):
        build(lake, huge, MONTH, BASE)
    assert not list(lake.root.glob("marts/**/*.p*"))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT month, CAST(call_id AS INTEGER) AS n FROM cdr_in",
        "SELECT month, CAST(9999999999 * duration_seconds AS INTEGER) AS n FROM cdr_in",
        "SELECT month, no_such_column AS n FROM cdr_in",
        "SELECT month, error(call_id) AS n FROM cdr_in",
    ],
)
def test_why_a_mart_cannot_be_built_is_kept_until_it_can_be_or_reads_anything_else(
    lake: Lake, put: Put, call: Call, sql: str
) -> None:
    put("cdr_in", MONTH, [call("cdr_in", "2026-10-01 10:00:00")])
    bad = query("marts.bad", sql, "cdr_in")
    assert failure(lake, bad, MONTH) is None
    with pytest.raises(PermanentError, match=r"^marts\.bad 2026-10 could not be built \([^\n]+\.$") as told:
        build(lake, bad, MONTH, BASE)
    assert failure(lake, bad, MONTH) == str(told.value)
    assert "id-2026" not in str(told.value)  # what is in the records is in no message
    assert build(lake, query("marts.bad", COUNT.sql, "cdr_in"), MONTH, BASE)
    with pytest.raises(PermanentError):
        build(lake, bad, MONTH, BASE)
    put("cdr_in", MONTH, [])
    assert failure(lake, bad, MONTH) is None  # it was not tried with these


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kathmandu"])
def test_instants_come_out_plain_and_in_utc_whatever_the_zone(
    lake: Lake, put: Put, call: Call, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    put("cdr_in", MONTH, [call("cdr_in", "2026-10-31 23:59:59")])
    first = query("marts.first", "SELECT month, started_at, CAST(started_at AS DATE) AS day FROM cdr_in", "cdr_in")
    assert build(lake, first, MONTH, BASE)
    (file,) = lake.files("marts.first")[MONTH]
    assert str(pq.read_schema(file).field("started_at").type) == "timestamp[us, tz=UTC]"
    with duckdb.connect() as db:
        db.execute(f"SET TimeZone = '{zone}'")
        create(db, "shown", [file], None)
        assert db.execute("SELECT month, started_at, day FROM shown").fetchall() == [
            (MONTH, datetime(2026, 10, 31, 23, 59, 59), datetime(2026, 10, 31).date())  # noqa: DTZ001
        ]
        assert dict(row[:2] for row in db.execute("DESCRIBE shown").fetchall())["started_at"] == "TIMESTAMP"


def test_marts_built_month_by_month_are_what_the_same_sql_gives_over_tables(lake: Lake, put: Put, call: Call) -> None:
    months = ("2026-09", "2026-10")
    for month in months:
        days = [f"{month}-{day:02d} {day % 24:02d}:00:00" for day in range(1, 29)]
        each = [{"did_number": f"44{n % 3}", "source_number": f"1{n % 2}", "row_number": n} for n in range(len(days))]
        each[0] |= {"metered_usd": Decimal("0.01"), "toll_free_usd": Decimal("0.01")}
        full = {"disconnect_code": "480", "disconnect_reason": "DID number overloaded"}
        each[1] |= {"connected_at": None, "duration_seconds": 0, **full}
        days[-1], each[-1]["duration_seconds"] = f"{month}-30 23:00:00", 40 * 3600  # into the next month
        put("cdr_in", month, [call("cdr_in", day, **cells) for day, cells in zip(days, each, strict=True)])
        missed = {"connected_at": None, "duration_seconds": 0, "disconnect_code": "486"}
        put("cdr_out", month, [call("cdr_out", day, **(missed if n % 4 else {})) for n, day in enumerate(days)])
        for one in models():
            assert build(lake, one, month, BASE)
    with duckdb.connect() as db:
        db.execute("CREATE SCHEMA staging; CREATE SCHEMA marts; CREATE SCHEMA seeds; CREATE SCHEMA lake")
        for name, path in seeds().items():
            db.execute(f"CREATE TABLE {name} AS FROM read_csv('{path}', all_varchar = true)")
        for name, schema in BASE.items():
            create(db, f"source_{name}", [file for files in lake.files(name).values() for file in files], schema)
            db.execute(f"CREATE TABLE {name} AS FROM source_{name}")  # one table, all months
        for one in models():
            db.execute(f"CREATE TABLE {one.name} AS {one.sql}")
            shown = f"lake.{one.name.replace('.', '_')}"
            create(db, shown, [file for files in lake.files(one.name).values() for file in files], None)
            by_hand, from_lake = (
                db.execute(
                    f"SELECT {', '.join(one.columns)} FROM {table} WHERE month <= ? ORDER BY ALL", [MONTH]
                ).fetchall()
                for table in (one.name, shown)
            )
            assert by_hand == from_lake, one.name
            assert by_hand or one.name.startswith("marts.watch_"), one.name
