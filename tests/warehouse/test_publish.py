import multiprocessing
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import PermanentError
from pipeline.normalise.schema import CDR_IN, CDR_OUT, REJECTED, in_file, schema_of
from pipeline.warehouse.differences import ComparisonColumns, compare
from pipeline.warehouse.lake import Lake, rejected_table
from pipeline.warehouse.publish import PublishSpec, fingerprint, publish, published_fingerprint
from pipeline.warehouse.queries import Query, metrics, models, views
from pipeline.warehouse.readback import Expected
from tests.warehouse.conftest import build

BASE = {"cdr_in": schema_of(CDR_IN), "cdr_out": schema_of(CDR_OUT)}
MONTH = "2026-10"
SQL = "SELECT month, count(*) AS calls FROM cdr_in GROUP BY month"
COUNT = Query("marts.counted", SQL, "One row per month.", {}, frozenset({"cdr_in"}))

Call = Callable[..., dict[str, Any]]
Put = Callable[..., Path]
MakeSpec = Callable[..., PublishSpec]


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "warehouse.duckdb"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, call: Call, publish_spec: MakeSpec) -> Path:
    """Published from a lake with two months of both record types, and every mart built; only to be read."""
    folder = tmp_path_factory.mktemp("whole")
    lake = Lake(folder / "lake")
    for month in ("2026-09", "2026-10"):
        for record_type, schema in BASE.items():
            calls = [call(record_type, f"{month}-01 00:00:01"), call(record_type, f"{month}-30 23:59:59")]
            file = lake.new_file(record_type, month, "e-1")
            pq.write_table(pa.Table.from_pylist(calls, schema=in_file(schema)), file, store_schema=False)
            lake.replace_month(record_type, month, [file], schema, {"export_id": "e-1"})
        for query in models():
            build(lake, query, month, BASE)
    publish(folder / "warehouse.duckdb", lake, publish_spec())
    return folder / "warehouse.duckdb"


def ask(target: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(target, read_only=True) as db:
        return db.execute(sql).fetchall()


def leftovers(target: Path) -> list[str]:
    return sorted(
        p.name for p in target.parent.iterdir() if p.name.startswith(".warehouse") and not p.name.endswith(".lock")
    )


def read_until(target: Path, stop: Event, ready: Event, said: Any) -> None:
    """Open, compare the mart with the calls, close; again and again, and tell what was seen."""
    os.nice(19)  # the publisher has the processor first
    seen: set[int] = set()
    torn, errors = 0, []
    while not (stop.is_set() and seen):
        try:
            with duckdb.connect(target, read_only=True, config={"threads": 1}) as db:
                mart, calls, loads = db.execute(
                    "SELECT (SELECT sum(calls)::INT FROM marts.counted), (SELECT count(*) FROM cdr_in), "
                    "(SELECT max(row_number) FROM cdr_in)"
                ).fetchall()[0]
        except duckdb.Error as error:
            errors.append(str(error))
        else:
            torn += mart != calls or calls != loads
            seen.add(calls)
        ready.set()
    said.put((sorted(seen), torn, errors))


def test_readers_see_only_whole_snapshots_while_thirty_are_published(
    lake: Lake, put: Put, call: Call, target: Path
) -> None:
    shown = PublishSpec({"cdr_in": BASE["cdr_in"]}, REJECTED, [COUNT], {})

    def publish_with(calls: int) -> None:
        rows = [call("cdr_in", "2026-10-01 10:00:00", row_number=calls)] * calls
        put("cdr_in", MONTH, rows, f"e-{calls}")
        build(lake, COUNT, MONTH, BASE)
        publish(target, lake, shown)

    publish_with(1)
    spawn = multiprocessing.get_context("spawn")
    stop, ready, said = spawn.Event(), spawn.Event(), spawn.Queue()
    reader = spawn.Process(target=read_until, args=(target, stop, ready, said))
    reader.start()
    assert ready.wait(30)
    for calls in range(2, 32):
        publish_with(calls)
    stop.set()
    seen, torn, errors = said.get(timeout=30)
    reader.join(30)
    assert (torn, errors) == (0, [])
    assert len(seen) > 3
    assert ask(target, "SELECT count(*) FROM cdr_in") == [(31,)]


def test_an_open_reader_keeps_its_snapshot_and_stops_no_publish(
    lake: Lake, put: Put, call: Call, publish_spec: MakeSpec, target: Path
) -> None:
    put("cdr_in", MONTH, [call("cdr_in", "2026-10-01 10:00:00")])
    publish(target, lake, publish_spec())
    held = "import duckdb, sys; db = duckdb.connect(sys.argv[1], read_only=True); print('open', flush=True); input(); "
    held += "print(db.execute('SELECT count(*) FROM cdr_in').fetchone()[0])"
    with subprocess.Popen(
        [sys.executable, "-c", held, str(target)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdout
        assert reader.stdout.readline() == "open\n"
        put("cdr_in", MONTH, [call("cdr_in", "2026-10-01 10:00:00")] * 2, "e-2")
        publish(target, lake, publish_spec())
        assert ask(target, "SELECT count(*) FROM cdr_in") == [(2,)]
        assert reader.communicate("\n", timeout=30)[0] == "1\n"


def test_what_somebody_wrote_into_the_published_file_is_not_replayed_into_the_next(
    lake: Lake, put: Put, call: Call, publish_spec: MakeSpec, target: Path
) -> None:
    put("cdr_in", MONTH, [call("cdr_in", "2026-10-01 10:00:00")])
    publish(target, lake, publish_spec())
    target.chmod(0o644)
    write = "import duckdb, os, sys; db = duckdb.connect(sys.argv[1]); "
    write += "db.execute('CREATE TABLE scratch AS SELECT 666 AS n'); os._exit(0)"
    subprocess.run([sys.executable, "-c", write, str(target)], check=True)
    wal = target.with_name("warehouse.duckdb.wal")
    assert wal.exists()
    publish(target, lake, publish_spec())
    assert not wal.exists()
    assert ask(target, "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'scratch'") == [(0,)]
    assert ask(target, "SELECT count(*) FROM cdr_in") == [(1,)]


def test_the_published_file_opens_from_anywhere_in_any_zone_and_can_be_written_by_nobody(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stat.S_IMODE(whole.stat().st_mode) == 0o444
    monkeypatch.chdir(tmp_path)
    expected = [
        ("2026-09", datetime(2026, 9, 1, 0, 0, 1), datetime(2026, 9, 30, 23, 59, 59), 2),  # noqa: DTZ001
        ("2026-10", datetime(2026, 10, 1, 0, 0, 1), datetime(2026, 10, 30, 23, 59, 59), 2),  # noqa: DTZ001
    ]
    for zone in ("UTC", "America/New_York", "Pacific/Kiritimati"):
        with duckdb.connect() as db:
            db.execute(f"ATTACH '{whole}' AS w (READ_ONLY); SET TimeZone = '{zone}'")
            for table in ("cdr_in", "cdr_out"):
                sql = (
                    f"SELECT month, min(started_at), max(started_at), count(*) FROM w.{table} GROUP BY month ORDER BY 1"
                )
                assert db.execute(sql).fetchall() == expected, zone
            assert db.execute("SELECT sum(attempts)::INT FROM w.marts.daily_traffic").fetchall() == [(8,)]
            assert db.execute("SELECT count(*) FROM w.staging.calls_in").fetchall() == [(4,)]
            zoned = db.execute(
                "SELECT table_name FROM duckdb_columns() WHERE data_type LIKE '%TIME ZONE%' AND database_name = 'w'"
            ).fetchall()
            assert zoned == []


def test_every_table_and_column_tells_what_it_is(whole: Path) -> None:
    dumb = ask(
        whole,
        "SELECT schema_name, table_name, column_name FROM duckdb_columns() "
        "WHERE NOT internal AND schema_name <> 'seeds' AND coalesce(comment, '') = ''",
    )
    assert dumb == []
    told = dict(ask(whole, "SELECT schema_name || '.' || table_name, comment FROM duckdb_tables() WHERE NOT internal"))
    shown = dict(ask(whole, "SELECT schema_name || '.' || view_name, comment FROM duckdb_views() WHERE NOT internal"))
    for query in (*models(), *views()):
        assert (told | shown)[query.name] == query.about
    assert told.keys() >= {query.name for query in models() if query.schema == "marts"}
    assert shown.keys() >= {"main.cdr_in", "main.cdr_out", *(q.name for q in models() if q.schema == "staging")}
    assert shown.keys() >= {query.name for query in views()}


def test_a_view_reads_its_own_file_whatever_that_is_attached_as(whole: Path) -> None:
    with duckdb.connect() as db:
        db.execute(f"ATTACH '{whole}' AS w (READ_ONLY); CREATE TABLE cdr_in AS SELECT 1 AS n")
        for query in (*models(), *views()):
            db.execute(f"FROM w.{query.name}")
        assert db.execute(
            "SELECT month, calls FROM w.trends.month_on_month WHERE direction = 'in' ORDER BY 1"
        ).fetchall() == [
            ("2026-09", 2),
            ("2026-10", 2),
        ]


def test_what_was_never_built_is_a_view_that_reads_its_own_file(
    lake: Lake, put: Put, call: Call, publish_spec: MakeSpec, target: Path
) -> None:
    put("cdr_in", MONTH, [call("cdr_in", "2026-10-01 10:00:00")])
    publish(target, lake, publish_spec())
    with duckdb.connect() as db:
        db.execute(f"ATTACH '{target}' AS w (READ_ONLY); CREATE TABLE cdr_in AS SELECT 1 AS n")
        assert db.execute("SELECT month, calls FROM w.marts.cost_by_did").fetchall() == [(MONTH, 1)]


def test_an_empty_lake_publishes_empty_tables_of_the_right_types(
    lake: Lake, publish_spec: MakeSpec, target: Path
) -> None:
    publish(target, lake, publish_spec())
    for record_type, schema in BASE.items():
        described = dict(row[:2] for row in ask(target, f"DESCRIBE {record_type}"))
        assert list(described) == schema.names
        assert described["started_at"] == "TIMESTAMP"
        assert ask(target, f"SELECT count(*) FROM {record_type}") == [(0,)]
    assert ask(target, "SELECT count(*) FROM rejected_rows") == [(0,)]


def test_rejected_rows_are_those_of_the_exports_that_are_loaded(
    lake: Lake, put: Put, call: Call, publish_spec: MakeSpec, target: Path
) -> None:
    def reject(export: str, month: str = MONTH) -> None:
        file = lake.new_file(rejected_table("cdr_in"), month, export)
        row = {"export_id": export, "row_number": 1, "line_number": 2, "reason": "bad", "raw_line": "x"}
        pq.write_table(pa.Table.from_pylist([row], schema=in_file(REJECTED)), file)
        lake.replace_month(rejected_table("cdr_in"), month, [file], REJECTED, {})

    reject("e-1")
    put("cdr_in", MONTH, [call("cdr_in", "2026-10-01 10:00:00")], "e-1")
    reject("e-2", "2026-11")  # committed first; the load of its calls did not get so far
    publish(target, lake, publish_spec())
    assert ask(target, "SELECT record_type, month, export_id, reason FROM rejected_rows") == [
        ("cdr_in", MONTH, "e-1", "bad")
    ]


def test_a_publish_that_fails_leaves_the_old_file_and_nothing_else(
    lake: Lake, put: Put, call: Call, publish_spec: MakeSpec, target: Path
) -> None:
    put("cdr_in", MONTH, [call("cdr_in", "2026-10-01 10:00:00")])
    publish(target, lake, publish_spec())
    before = target.read_bytes()
    lost = put("cdr_out", "2026-09", [call("cdr_out", "2026-09-01 10:00:00")])
    put("cdr_out", MONTH, [call("cdr_out", "2026-10-01 10:00:00")])
    lost.unlink()
    with pytest.raises(PermanentError, match="is missing from the lake; run `cdr rebuild`"):
        publish(target, lake, publish_spec())
    assert target.read_bytes() == before
    assert leftovers(target) == []


FULL = """
import resource, sys
from pathlib import Path
from pipeline.errors import PermanentError
from pipeline.normalise.schema import CDR_IN, REJECTED, schema_of
from pipeline.warehouse.lake import Lake
from pipeline.warehouse.publish import PublishSpec, publish
resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
try:
    publish(Path(sys.argv[1]), Lake(Path(sys.argv[2])), PublishSpec({"cdr_in": schema_of(CDR_IN)}, REJECTED, [], {}))
except PermanentError as error:
    print("refused:", error)
"""


def test_a_disk_that_fills_up_leaves_the_old_file_and_says_so(
    lake: Lake, put: Put, call: Call, publish_spec: MakeSpec, target: Path
) -> None:
    put("cdr_in", MONTH, [call("cdr_in", "2026-10-01 10:00:00")])
    publish(target, lake, publish_spec())
    before = target.read_bytes()
    command = [sys.executable, "-c", FULL, str(target), str(lake.root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert done.stdout.startswith("refused: warehouse.duckdb could not be written"), done
    assert target.read_bytes() == before
    assert leftovers(target) == []


def test_a_target_that_cannot_be_written_is_refused(lake: Lake, publish_spec: MakeSpec, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "taken.duckdb" / "inside").mkdir(parents=True)
    for target in (tmp_path / "file" / "warehouse.duckdb", tmp_path / "taken.duckdb"):
        with pytest.raises(PermanentError, match="could not be written to"):
            publish(target, lake, publish_spec())
    assert (tmp_path / "taken.duckdb" / "inside").is_dir()
    assert not list(tmp_path.glob(".taken.duckdb.*[!k]"))


PLACES = ["o'brien", "sp ace", "100%", "Überweg", "a*b", "[ab]c", "[", 'say "so"', "a;b"]
COLUMNS = ["month=1999-01", "status=live", "total_usd=7", "call_id=x/month=2026-09", "filename=f", "calls=9", "a=b=c"]


@pytest.mark.parametrize("name", [*PLACES, *COLUMNS])
def test_a_warehouse_is_built_and_published_whatever_its_directory_is_called(
    name: str, publish_spec: MakeSpec, tmp_path: Path, call: Call
) -> None:
    # what a pattern would find as well, or instead
    (tmp_path / "aXb" / "lake" / "cdr_in" / f"month={MONTH}").mkdir(parents=True)
    lake = Lake(tmp_path / name / "lake")
    file = lake.new_file("cdr_in", MONTH, "e-1")
    rows = [call("cdr_in", "2026-10-01 10:00:00")]
    pq.write_table(pa.Table.from_pylist(rows, schema=in_file(BASE["cdr_in"])), file, store_schema=False)
    expected = Expected(1, {"total_usd": Decimal("0.01")})
    lake.replace_month("cdr_in", MONTH, [file], BASE["cdr_in"], {"at": datetime.now(UTC)}, expected)
    assert compare([file], [file], ComparisonColumns("started_at"), tmp_path) == []
    build(lake, COUNT, MONTH, BASE)
    shown = PublishSpec(BASE, REJECTED, [COUNT], publish_spec().records)
    publish(tmp_path / name / "warehouse.duckdb", lake, shown)
    assert ask(tmp_path / name / "warehouse.duckdb", "FROM marts.counted") == [(MONTH, 1)]
    found = ask(tmp_path / name / "warehouse.duckdb", "SELECT month, status, call_id, total_usd FROM cdr_in")
    assert found == [(MONTH, "Completed", "id-2026-10-01 10:00:00", Decimal("0.010000"))]
    assert [row[0] for row in ask(tmp_path / name / "warehouse.duckdb", "DESCRIBE cdr_in")] == BASE["cdr_in"].names
    assert os.listdir(tmp_path / name).count("warehouse.duckdb") == 1  # noqa: PTH208


def test_one_month_is_read_from_its_own_files_alone(
    lake: Lake, put: Put, call: Call, publish_spec: MakeSpec, target: Path
) -> None:
    for month in ("2026-09", MONTH):
        put("cdr_in", month, [call("cdr_in", f"{month}-01 10:00:00")])
    publish(target, lake, publish_spec())
    [(_, plan)] = ask(target, f"EXPLAIN ANALYZE SELECT sum(total_usd) FROM cdr_in WHERE month = '{MONTH}'")
    assert "Scanning Files: 1/2" in plan


def test_what_is_published_is_known_whatever_the_clock_says(
    lake: Lake, put: Put, call: Call, publish_spec: MakeSpec, target: Path
) -> None:
    put("cdr_in", MONTH, [call("cdr_in", "2026-10-01 10:00:00")])
    publish(target, lake, publish_spec())
    os.utime(target, (4_000_000_000, 4_000_000_000))  # published by a clock that was ahead
    assert published_fingerprint(target) == fingerprint(lake, publish_spec())
    put("cdr_in", MONTH, [call("cdr_in", "2026-10-01 10:00:00"), call("cdr_in", "2026-10-01 11:00:00")])
    assert published_fingerprint(target) != fingerprint(lake, publish_spec())
    publish(target, lake, publish_spec())
    os.utime(target, (0, 0))
    assert published_fingerprint(target) == fingerprint(lake, publish_spec())
    target.unlink()
    assert published_fingerprint(target) is None
    target.write_bytes(b"no database")
    assert published_fingerprint(target) is None


@pytest.mark.parametrize("change", ["exports", "kept", "models", "schema"])
def test_whatever_is_shown_is_in_the_fingerprint(
    lake: Lake, publish_spec: MakeSpec, change: str, tmp_path: Path
) -> None:
    made = publish_spec()
    other = {
        "exports": replace(made, records={**made.records, "exports": pa.table({"export_id": ["e-1"]})}),
        "kept": replace(made, retained={"marts.daily_traffic": {MONTH: [tmp_path]}}),
        "models": replace(made, models=[COUNT]),
        "schema": replace(made, calls={"cdr_in": BASE["cdr_in"]}),
    }
    assert fingerprint(lake, publish_spec()) == fingerprint(lake, made) != fingerprint(lake, other[change])


def test_a_mart_of_another_version_is_shown_with_the_columns_of_this_one(
    lake: Lake, put: Put, call: Call, target: Path
) -> None:
    put("cdr_in", MONTH, [call("cdr_in", "2026-10-01 10:00:00")])
    build(lake, COUNT, MONTH, BASE)
    sql = f"SELECT month, 1.5 AS seconds, calls FROM ({SQL})"
    newer = Query(COUNT.name, sql, COUNT.about, {"month": "", "seconds": "Seconds.", "calls": ""}, COUNT.reads)
    publish(target, lake, PublishSpec({"cdr_in": BASE["cdr_in"]}, REJECTED, [newer], {}))
    assert ask(target, "FROM marts.counted") == [(MONTH, None, 1)]
    assert ask(target, "SELECT typeof(seconds) FROM marts.counted") == [("DECIMAL(2,1)",)]


def test_the_published_file_has_the_metrics_of_its_marts_as_macros(whole: Path) -> None:
    told = dict(ask(whole, "SELECT function_name, comment FROM duckdb_functions() WHERE function_type = 'macro'"))
    assert {name: told.get(name) for name in metrics()} == {name: one.about for name, one in metrics().items()}
    found = ask(
        whole,
        """SELECT count(*), count(*) FILTER (WHERE asr(answered_calls, calls) = asr_call
            AND acd(answered_seconds, answered_calls) = acd_seconds AND minutes(duration_seconds) = minutes)
        FROM marts.daily_traffic""",
    )
    assert found == [(8, 8)]
    with duckdb.connect() as db:
        db.execute(f"ATTACH '{whole}' AS w (READ_ONLY)")
        assert db.execute("SELECT w.asr(1, 4), w.asr(0, 0)").fetchall() == [(0.25, None)]
