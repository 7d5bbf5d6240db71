"""`cdr sql`: every form of the answer is exact, nothing but a SELECT is run, and a long answer is a stream."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result

from pipeline.cli import main

ROOT = Path(__file__).parents[2]
Sql = Callable[..., Result]
TABLES = ("cdr_in", "cdr_out", "staging.calls_in", "marts.daily_traffic", "marts.cost_by_did", "coverage")


@pytest.fixture
def sql(warehouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sql:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, asked: str = "") -> Result:
        return CliRunner().invoke(main, ["sql", *arguments], input=asked, env={"CDR_DATA_DIR": str(warehouse.parent)})

    return run


def sentence(result: Result) -> str:
    assert "Traceback" not in result.output
    [line] = result.stderr.splitlines()
    return line


def difference(warehouse: Path, table: str, shown: str) -> list[tuple[object, ...]]:
    """The rows that are in one and not in the other."""
    with duckdb.connect(str(warehouse), read_only=True) as db:
        return db.execute(
            f"(FROM {table} EXCEPT ALL FROM {shown}) UNION ALL (FROM {shown} EXCEPT ALL FROM {table})"
        ).fetchall()


def types(warehouse: Path, source: str) -> dict[str, str]:
    with duckdb.connect(str(warehouse), read_only=True) as db:
        return {row[0]: row[1] for row in db.execute(f"DESCRIBE FROM {source}").fetchall()}


def columns(typed: dict[str, str]) -> str:
    return ", ".join(f"'{name}': '{kind}'" for name, kind in typed.items())


@pytest.mark.parametrize("table", TABLES)
def test_parquet_holds_every_row_with_its_type(sql: Sql, warehouse: Path, tmp_path: Path, table: str) -> None:
    assert sql(f"FROM {table}", "--to", "out.parquet").exit_code == 0
    file = f"'{tmp_path}/out.parquet'"
    assert types(warehouse, file) == types(warehouse, table)
    assert difference(warehouse, table, file) == []


@pytest.mark.parametrize("table", TABLES)
def test_json_lines_and_csv_hold_every_row_to_the_last_digit(
    sql: Sql, warehouse: Path, tmp_path: Path, table: str
) -> None:
    typed = types(warehouse, table)
    plain = [name for name, kind in typed.items() if not kind.startswith("MAP")]
    query = f"SELECT {', '.join(plain)} FROM {table}"
    read = columns({name: typed[name] for name in plain})
    for suffix, reader in (
        (".jsonl", "read_json('{}', format = 'newline_delimited', columns = {{{}}})"),
        (".csv", "read_csv('{}', header = true, delim = ',', quote = '\"', escape = '\"', columns = {{{}}})"),
    ):
        assert sql(query, "--to", f"out{suffix}").exit_code == 0
        shown = reader.format(tmp_path / f"out{suffix}", read)
        assert difference(warehouse, f"({query})", shown) == []


def test_what_goes_to_a_file_goes_to_the_pipe(sql: Sql, tmp_path: Path) -> None:
    query = "FROM coverage ORDER BY record_type, month"
    for flag, suffix in (("--csv", ".csv"), ("--json", ".jsonl")):
        assert sql(query, "--to", f"out{suffix}").exit_code == 0
        assert sql(query, flag).stdout_bytes == (tmp_path / f"out{suffix}").read_bytes()


ODD = """
    SELECT sum(9007199254740993) AS big, 12345678901234567890.123456::DECIMAL(38, 6) AS money, 'nan'::DOUBLE AS nothing,
        TIMESTAMP '2026-09-01 00:00:00' AS instant, DATE '2026-09-01' AS day, MAP {'a': 1.10::DECIMAL(4, 2)} AS map,
        ['x', NULL] AS list, true AS yes, '"ü", [b]' AS text, NULL AS absent
"""


def test_no_form_of_the_answer_rounds_or_bends(sql: Sql, tmp_path: Path) -> None:
    assert json.loads(sql(ODD, "--json").stdout) == {
        "big": 9007199254740993,
        "money": "12345678901234567890.123456",
        "nothing": None,
        "instant": "2026-09-01T00:00:00",
        "day": "2026-09-01",
        "map": {"a": "1.10"},
        "list": ["x", None],
        "yes": True,
        "text": '"ü", [b]',
        "absent": None,
    }
    assert sql(ODD, "--csv").stdout.splitlines()[1] == (
        "9007199254740993,12345678901234567890.123456,nan,2026-09-01 00:00:00,2026-09-01,"
        '"{""a"": ""1.10""}","[""x"", null]",true,"""ü"", [b]",'
    )
    assert sql(ODD, "--to", "odd.parquet").exit_code == 0
    with duckdb.connect() as db:
        row = db.execute(f"SELECT big, money, instant, map FROM '{tmp_path}/odd.parquet'").fetchone()
    instant = datetime(2026, 9, 1)  # noqa: DTZ001 - stored without a zone
    assert row == (9007199254740993, Decimal("12345678901234567890.123456"), instant, {"a": Decimal("1.10")})


def test_a_table_shows_no_markup_and_nothing_that_a_terminal_obeys(sql: Sql) -> None:
    shown = sql(
        "SELECT '[red]x[/red]' AS \"[b]name\", 'a' || chr(27) || '[2J' AS sly, 1234567 AS n, NULL AS none"
    ).stdout
    assert shown.split() == [
        "[b]name",
        "sly",
        "n",
        "none",
        "[red]x[/red]",
        "a\N{REPLACEMENT CHARACTER}[2J",
        "1,234,567",
    ]


def test_a_table_stops_after_200_rows_and_at_the_edge_and_says_so(sql: Sql) -> None:
    rows = sql("SELECT range AS n FROM range(201)")
    assert rows.stdout.split() == ["n", *(str(n) for n in range(200))]
    assert sentence(rows).startswith("cdr: shown are the first 200 rows; ")
    wide = sql("SELECT repeat('x', 60) AS a, repeat('y', 54) AS b, 1 AS c")
    assert wide.stdout.split() == ["a", "b", "x" * 60, "y" * 54]
    assert sentence(wide).startswith("cdr: shown are 2 of 3 columns; ")
    whole = sql("SELECT range AS n FROM range(200)")
    assert (len(whole.stdout.split()), whole.stderr) == (201, "")


def test_the_query_is_read_from_standard_input(sql: Sql) -> None:
    assert sql("-", "--csv", asked="SELECT 'ü' AS a; -- that is all\n").stdout == "a\nü\n"


def test_an_answer_without_end_reaches_its_reader_who_may_leave(environment: dict[str, str]) -> None:
    endless = ["cdr", "sql", "SELECT range AS n FROM range(1_000_000_000_000)", "--csv"]
    with subprocess.Popen(
        endless, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        assert [process.stdout.readline() for _ in range(3)] == ["n\n", "0\n", "1\n"]
        process.stdout.close()
        assert (process.wait(60), process.stderr.read()) == (1, "")


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_an_answer_that_fails_late_leaves_the_file_as_it_was(sql: Sql, tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"out{suffix}").write_text("before")
    late = "SELECT CASE WHEN range = 140_000 THEN error('too late') ELSE range END AS n FROM range(150_000)"
    failed = sql(late, "--to", f"out{suffix}")
    assert (failed.exit_code, "too late" in sentence(failed)) == (1, True)
    assert [path.name for path in tmp_path.iterdir()] == [f"out{suffix}"]
    assert (tmp_path / f"out{suffix}").read_text() == "before"


REFUSED_TWICE = """
import sys
from pathlib import Path
from pipeline.errors import PermanentError
from pipeline.warehouse.extract import write
kept = []
for _ in range(2):
    try:
        write(Path(sys.argv[1]), "SELECT INTERVAL 1 DAY AS a", Path(sys.argv[2]))
    except PermanentError as error:
        kept.append(error)  # and with it every frame, as a debugger or a test runner would
print(len(kept))
"""


def test_an_answer_that_failed_leaves_nothing_open_that_the_next_would_wait_for(
    warehouse: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", REFUSED_TWICE, str(warehouse), str(tmp_path / "a.parquet")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("2\n", "")


WRITES = (
    "COPY coverage TO '{file}'",
    "EXPLAIN ANALYZE COPY coverage TO '{file}'",
    "COPY (PIVOT coverage ON state USING count(*)) TO '{file}'",
    "ATTACH '{file}' AS other",
    "EXPORT DATABASE '{file}'",
    "SELECT 1; COPY coverage TO '{file}'",
    "SELECT 1) TO '{file}' --",
    "CREATE TABLE scratch AS SELECT 1",
    "DELETE FROM coverage",
    "WITH gone AS (DELETE FROM coverage RETURNING *) SELECT * FROM gone",
    "SET access_mode = 'READ_WRITE'",
    "INSTALL httpfs",
    "CHECKPOINT",
    "",
)


@pytest.mark.parametrize("query", WRITES)
@pytest.mark.parametrize("out", [(), ("--csv",), ("--to", "out.parquet")], ids=["table", "csv", "parquet"])
def test_nothing_but_a_select_is_run(
    sql: Sql, warehouse: Path, tmp_path: Path, query: str, out: tuple[str, ...]
) -> None:
    def state() -> object:
        return sha256(warehouse.read_bytes()).hexdigest(), sorted(warehouse.parent.rglob("*")), list(tmp_path.iterdir())

    before = state()
    refused = sql(query.format(file=tmp_path / "written"), *out)
    assert refused.exit_code == 1
    assert sentence(refused).startswith("cdr: ")
    assert state() == before


WRONG = {
    "a word that is none": (("SELEC 1",), 1, 'syntax error at or near "SELEC"'),
    "a column that is none": (("SELECT call FROM cdr_in",), 1, 'Referenced column "call" not found'),
    "a file that is none": (("FROM 'none.csv'",), 1, "A file could not be read"),
    "a name twice, in JSON": (("SELECT 1 AS a, 2 AS a", "--json"), 1, "Two columns are named a"),
    "a name twice, in Parquet": (("SELECT 1 AS a, 2 AS a", "--to", "a.parquet"), 1, "Two columns are named a"),
    "a type that Parquet has not": (("SELECT INTERVAL 1 DAY AS a", "--to", "a.parquet"), 1, "cast that column"),
    "a folder that is none": (("SELECT 1", "--to", "none/a.csv"), 1, "make the folder writable"),
    "an ending that is none": (("SELECT 1", "--to", "a.xlsx"), 2, "must end in one of .csv, .jsonl, .parquet"),
    "two forms": (("SELECT 1", "--to", "a.csv", "--json"), 2, "leave out --csv and --json"),
    "no query": ((), 2, "Missing argument 'QUERY'"),
}


@pytest.mark.parametrize(("arguments", "code", "says"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_in_a_sentence(
    sql: Sql, tmp_path: Path, arguments: tuple[str, ...], code: int, says: str
) -> None:
    wrong = sql(*arguments)
    assert (wrong.exit_code, wrong.stdout) == (code, "")
    assert says in wrong.stderr.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


def test_the_data_directory_is_not_to_be_written_to(sql: Sql, warehouse: Path) -> None:
    lake = sorted(warehouse.parent.rglob("*.parquet"))
    refused = sql("SELECT 1 AS a", "--to", str(lake[0]))
    assert (refused.exit_code, "is in the data directory" in refused.stderr) == (2, True)
    assert sql("SELECT count(*) AS n FROM cdr_in", "--csv").exit_code == 0


def test_a_file_that_is_no_warehouse_is_named(tmp_path: Path) -> None:
    (tmp_path / "warehouse.duckdb").write_text("no warehouse" * 1000)
    asked = CliRunner().invoke(main, ["sql", "SELECT 1"], env={"CDR_DATA_DIR": str(tmp_path)})
    assert (asked.exit_code, "`cdr publish` writes warehouse.duckdb again" in sentence(asked)) == (1, True)
