"""Whoever reads the published file: of any age, never in the way, and with one snapshot for as long as it is open."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import ProgrammingError

MONTHS = "SELECT count(DISTINCT month) FROM exports JOIN cdr_in USING (export_id, month)"
"""The months that are loaded, by a table in the file itself and by the files of the lake."""

Swapped = tuple[Path, Callable[[], None]]

OLDEST = "1.0.0" if sys.version_info < (3, 13) else "1.4.2"
"""The oldest DuckDB that is to be had for this Python."""

SUPERSET = ("duckdb==1.4.2", "duckdb-engine==0.17.0", "sqlalchemy==1.4.54")
"""What Superset 6.1.0 runs on: the oldest DuckDB that it takes, and the SQLAlchemy that it keeps to."""

READ_ALL = """
import sys, duckdb
db = duckdb.connect(sys.argv[1], read_only=True)
names = [name for (name,) in db.execute(
    "SELECT schema_name || '.' || table_name FROM duckdb_tables() UNION ALL "
    "SELECT schema_name || '.' || view_name FROM duckdb_views() WHERE NOT internal ORDER BY 1").fetchall()]
print(duckdb.__version__)
for name in names:
    print(name, db.execute(f"SELECT count(*), count(DISTINCT t) FROM {name} AS t").fetchone())
print(db.execute("SELECT sum(total_usd), min(started_at), max(ended_at) FROM cdr_in").fetchone())
"""

AS_SUPERSET = """
import sys
import sqlalchemy as sa
engine = sa.create_engine(
    f"duckdb:///{sys.argv[1]}?access_mode=read_only",
    poolclass=sa.pool.NullPool,
    connect_args={"config": {"custom_user_agent": "apache-superset/6.1.0"}},
)
inspector = sa.inspect(engine)
assert {"warehouse.main", "warehouse.marts", "warehouse.staging"} <= set(inspector.get_schema_names())
assert "daily_traffic" in inspector.get_table_names(schema="marts")
assert {"cdr_in", "cdr_out"} <= set(inspector.get_view_names(schema="main"))
columns = {column["name"]: column for column in inspector.get_columns("daily_traffic", schema="marts")}
assert isinstance(columns["day"]["type"], sa.types.Date)
assert isinstance(columns["cost_usd"]["type"], sa.types.Numeric)
assert columns["day"]["comment"]
connection = engine.raw_connection()
cursor = connection.cursor()
cursor.execute("SELECT DATE_TRUNC('month', day) AS month, sum(calls) AS calls FROM marts.daily_traffic GROUP BY 1")
assert [column[0] for column in cursor.description] == ["month", "calls"]
assert len(cursor.fetchall()) == 2
try:
    cursor.execute("CREATE TABLE scratch AS SELECT 1")
except Exception as error:
    print("refused" if "read-only" in str(error) else error)
connection.close()
"""


def installed(folder: Path, *packages: str) -> Path:
    """The packages, in a folder that stands before the environment's own."""
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--no-compile",
    ]
    subprocess.run([*pip, "--only-binary", ":all:", "--target", str(folder), *packages], check=True)
    return folder


def run(script: str, warehouse: Path, packages: Path | None = None) -> str:
    environment = {"PYTHONPATH": str(packages)} if packages else {}
    command = [sys.executable, "-c", script, str(warehouse)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def shell(warehouse: Path, environment: dict[str, str]) -> Iterator[Callable[[str], str]]:
    """DuckDB's command line, open; asked, it answers with a line."""
    command = ["duckdb", "-readonly", "-csv", "-noheader", str(warehouse)]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        assert process.stdin
        assert process.stdout
        asked: IO[str] = process.stdin
        said: IO[str] = process.stdout

        def ask(query: str) -> str:
            asked.write(f"{query};\n")
            return said.readline().strip()

        yield ask
        asked.close()


def test_the_command_line_keeps_its_snapshot_and_a_new_one_sees_the_next(
    swapped: Swapped, environment: dict[str, str]
) -> None:
    target, publish = swapped
    with shell(target, environment) as before:
        assert before("SELECT 42") == "42"
        publish()
        assert before(MONTHS) == "1"
        with shell(target, environment) as after:
            assert after(MONTHS) == "2"


def test_the_command_line_is_refused_a_write(warehouse: Path, environment: dict[str, str]) -> None:
    write = ["duckdb", "-readonly", str(warehouse), "-c", "DELETE FROM coverage"]
    refused = subprocess.run(write, env=environment, capture_output=True, text=True, check=False)
    assert (refused.returncode, "read-only mode" in refused.stderr) == (1, True)


def ask(engine: sa.Engine, query: str) -> int:
    with engine.connect() as db:
        return int(db.execute(sa.text(query)).scalar_one())


def test_sqlalchemy_keeps_its_snapshot_in_its_pool_until_it_is_disposed_of(swapped: Swapped) -> None:
    target, publish = swapped
    engine = sa.create_engine(f"duckdb:///{target}?access_mode=read_only")
    assert ask(engine, "SELECT 42") == 42
    publish()
    assert ask(engine, MONTHS) == 1
    engine.dispose()
    assert ask(engine, MONTHS) == 2
    engine.dispose()


def test_sqlalchemy_without_a_pool_sees_the_next_snapshot_as_soon_as_nobody_holds_the_old(swapped: Swapped) -> None:
    target, publish = swapped
    engine = sa.create_engine(f"duckdb:///{target}?access_mode=read_only", poolclass=sa.NullPool)
    with engine.connect() as held:
        publish()
        assert (held.execute(sa.text(MONTHS)).scalar_one(), ask(engine, MONTHS)) == (1, 1)
    assert ask(engine, MONTHS) == 2


def test_sqlalchemy_knows_tables_and_views_and_writes_nothing(warehouse: Path) -> None:
    engine = sa.create_engine(f"duckdb:///{warehouse}?access_mode=read_only", poolclass=sa.NullPool)
    inspector = sa.inspect(engine)
    assert "daily_traffic" in inspector.get_table_names(schema="marts")
    assert "cdr_in" in inspector.get_view_names(schema="main")
    with engine.connect() as db, pytest.raises(ProgrammingError, match="read-only mode"):
        db.execute(sa.text("CREATE TABLE scratch AS SELECT 1"))
    with pytest.raises(ProgrammingError, match="pg_collation"):  # once it works, docs/query need not warn of it
        inspector.get_columns("daily_traffic", schema="marts")


@pytest.mark.slow
def test_the_oldest_duckdb_reads_every_table(warehouse: Path, tmp_path: Path) -> None:
    old = run(READ_ALL, warehouse, installed(tmp_path / "old", f"duckdb=={OLDEST}"))
    new = run(READ_ALL, warehouse)
    assert old.splitlines()[0] == OLDEST
    assert old.splitlines()[1:] == new.splitlines()[1:]
    assert len(new.splitlines()) > 10


@pytest.mark.slow
def test_superset_connects_and_is_refused_a_write(warehouse: Path, tmp_path: Path) -> None:
    assert run(AS_SUPERSET, warehouse, installed(tmp_path / "superset", *SUPERSET)) == "refused\n"
