"""Every file of `sql/` keeps the rules that the builder and the catalogue rely on."""

import csv
import re
from collections.abc import Callable
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import duckdb
import pytest
import sqlglot
from sqlglot import exp

from pipeline.warehouse.macros import sentences
from pipeline.warehouse.queries import load, metrics, models, seeds, views

SQL = Path(__file__).parents[2] / "sql"
PIPELINE = SQL.parent / "pipeline"
METRICS = [pytest.param(path, id=path.stem) for path in sorted((SQL / "metrics").glob("*.sql"))]
FILES = [
    pytest.param(path, id=f"{path.parent.name}.{path.stem}")
    for path in sorted(SQL.rglob("*.sql"))
    if path.parent.name != "metrics"
]
SHOWN = [file for file in FILES if Path(str(file.values[0])).parent.name not in {"report", "lake", "demo"}]
RATIO = r"(asr|ner|seer|isa|acd)(?!_(?:attempts|success|failure)$)(?:_|$)"
_NAMED = r"(asr|ner|seer|isa|acd)(_\w+)?"
DIVIDED = rf"""[^/]/ [^,\n]*( AS {_NAMED}\b|, \d\) AS {_NAMED}\b)|"{_NAMED}": .* / """
BASE = {"cdr_in", "cdr_out"}
RECORDS = {"exports", "coverage", "control_totals", "rejected_rows"}
PHONE_NUMBERS = {"source_number", "source_name", "cli", "did_number", "destination_number", "destination"}
NOT_PORTABLE = r"quantile_cont|median\(|mode\(|arg_max|epoch|time_bucket|string_agg|bool_or|group by all|interval"


@cache
def _query(path: Path) -> exp.Query:
    (statement,) = sqlglot.parse(path.read_text("utf-8"), dialect="duckdb")
    assert isinstance(statement, exp.Query)
    return statement


@pytest.mark.parametrize("path", SHOWN)
def test_a_file_is_one_select_whose_first_column_is_the_month(path: Path) -> None:
    timeless = path.parent.name == "trends" or path.stem == "thresholds"
    assert _query(path).named_selects[0] == "month" or timeless


@pytest.mark.parametrize("path", FILES)
def test_the_first_lines_say_what_a_row_is_and_what_it_answers(path: Path) -> None:
    first, second, *_ = path.read_text("utf-8").splitlines()
    assert re.fullmatch(r"-- One row per .+\.", first)
    assert re.fullmatch(r"-- Ask: .+\?", second)


@pytest.mark.parametrize("path", SHOWN)
def test_every_output_column_carries_a_sentence_on_the_lines_before_it(path: Path) -> None:
    query = _query(path)
    found = sentences(path.read_text("utf-8"))
    for column, sentence in zip(query.named_selects, found, strict=True):
        assert re.fullmatch(r"[A-Z].+\.", sentence), column
    assert len(set(query.named_selects)) == len(query.named_selects)


@pytest.mark.parametrize("path", METRICS)
def test_a_metric_says_what_it_is_and_divides_by_nothing_else(path: Path) -> None:
    assert re.match(r"-- [A-Z].+\.\n", path.read_text("utf-8"))
    divisions = list(sqlglot.parse_one(metrics()[path.stem].body, dialect="duckdb").find_all(exp.Div))
    assert all(isinstance(one.expression, exp.Nullif | exp.Literal) for one in divisions)


@pytest.mark.parametrize("path", FILES)
def test_a_ratio_is_named_only_where_its_metric_is_called(path: Path) -> None:
    for column in _query(path).find_all(exp.Alias):
        if ratio := re.match(RATIO, column.alias):
            assert not list(column.find_all(exp.Div)), column.alias
            value = column.this.this if isinstance(column.this, exp.Round) else column.this
            assert isinstance(value, exp.Column) or getattr(value, "name", "") == ratio[1], column.alias
    assert not list(_query(path).find_all(exp.SafeDivide))


def test_python_divides_nothing_into_a_ratio_that_has_a_metric() -> None:
    """A ratio in a query of Python is a metric's, which the published file has as a macro."""
    folders = (PIPELINE / name for name in ("report", "defs", "commands"))
    found = {
        path.relative_to(PIPELINE).as_posix()
        for folder in folders
        for path in folder.rglob("*.py")
        if any(re.search(DIVIDED, line) for line in path.read_text("utf-8").splitlines())
    }
    assert found == set()


@pytest.mark.parametrize(
    ("line", "is_one"),
    [
        ("        sum(ner * attempts) / nullif(sum(attempts), 0) AS ner,", True),
        ('        "asr_call": _decimal(answered / calls) if calls else None,', True),
        ("round(sum(answered_calls) / sum(calls), 3) AS asr, minutes", True),
        ("asr(sum(answered_calls), sum(calls)) AS asr_call,", False),
        ("sum(minutes) / 60 AS hours, ner", False),
    ],
)
def test_a_division_of_a_ratio_is_recognised(line: str, is_one: bool) -> None:
    assert bool(re.search(DIVIDED, line)) is is_one


@pytest.mark.parametrize("path", SHOWN)
def test_a_query_stays_in_the_portable_subset(path: Path) -> None:
    code = "\n".join(line.split("--")[0] for line in path.read_text("utf-8").splitlines())
    assert not re.search(NOT_PORTABLE, code, re.IGNORECASE)
    assert code == code.replace(";", "")


def test_a_layer_reads_only_layers_below_and_never_in_a_circle() -> None:
    stored = {query.name: query.reads for query in models()}
    staging = {name for name in stored if name.startswith("staging.")}
    for name, reads in stored.items():
        assert reads <= BASE | seeds().keys() | (staging if name in staging else stored.keys()), name
    for query in views():
        assert query.reads <= BASE | RECORDS | seeds().keys() | stored.keys(), query.name
    for query in load("checks"):
        assert query.reads <= BASE | RECORDS | stored.keys() | {view.name for view in views()}, query.name
    TopologicalSorter(stored).prepare()


def test_both_directions_are_united_in_one_place() -> None:
    """Calls of a direction are read for themselves where the other one has not the same columns."""
    reading = {query.name: query.written for query in (*models(), *views(), *load("checks"))}
    both = (re.compile(r"FROM cdr_in\b"), re.compile(r"FROM cdr_out\b"))
    united = {name for name, text in reading.items() if all(one.search(text) for one in both)}
    assert united == {"staging.attempts"}
    calls = {name for name, text in reading.items() if "staging.calls_in" in text and "staging.calls_out" in text}
    assert {name for name in calls if "UNION ALL" in reading[name]} <= {
        "staging.calls",
        "marts.cost_by_component",
        "marts.watch_wangiri",
    }


def test_the_thresholds_are_turned_into_columns_once_and_all_of_them_are_used() -> None:
    """A name that the seed lacks would be NULL, and find nothing without a word."""
    with (SQL / "seeds" / "thresholds.csv").open(newline="") as file:
        seeded = [row["name"] for row in csv.DictReader(file)]
    assert len(seeded) == len(set(seeded))
    texts = {query.name: query.written for query in (*models(), *views(), *load("checks"))}
    pivot = texts.pop("staging.thresholds")
    assert re.findall(r"\bname = '(\w+)'", pivot) == seeded
    assert not [name for name, text in texts.items() if "seeds.thresholds" in re.sub("--.*", "", text)]
    used = r"\bthresholds\.(\w+)|\bSELECT (\w+) FROM staging.thresholds"
    assert {one or other for text in texts.values() for one, other in re.findall(used, text)} >= set(seeded)


def test_every_mart_and_trend_says_what_tells_its_rows_apart() -> None:
    for query in (*models(), *views()):
        assert query.grain or query.schema == "staging", query.name


def test_a_check_says_how_severe_it_is_on_line_three(checks: dict[str, str]) -> None:
    assert checks
    for name, text in checks.items():
        assert text.splitlines()[2] in {"-- severity: warn", "-- severity: error"}, name


def test_a_check_never_shows_or_reads_a_phone_number() -> None:
    for query in load("checks"):
        read = {column.name for column in sqlglot.parse_one(query.written, dialect="duckdb").find_all(exp.Column)}
        assert not read & PHONE_NUMBERS, query.name


def test_an_outcome_has_one_formula(objects: dict[str, str]) -> None:
    """What counts as what for NER, SEER and ISA stands in one file, which the traffic marts read."""
    classing = {name for name, text in objects.items() if re.search(r"'(486|503|user_busy)'", text)}
    assert classing == {"staging.attempt_outcomes"}


def test_every_check_and_view_can_be_planned(con: duckdb.DuckDBPyConnection, build: Callable[..., None]) -> None:
    build()
    for query in (*views(), *load("checks")):
        assert [row[0] for row in con.execute(f"DESCRIBE {query.sql}").fetchall()] == [*query.columns], query.name


def test_types_are_those_that_parquet_and_every_reader_keep(
    con: duckdb.DuckDBPyConnection, build: Callable[..., None], objects: dict[str, str]
) -> None:
    build()
    money = {"DECIMAL(18,6)", "DECIMAL(38,6)"}  # of a record, and of a sum, which no absurd amount overflows
    allowed = {"VARCHAR", "TIMESTAMP", "DATE", "BOOLEAN", "INTEGER", "BIGINT", "DOUBLE", *money}
    for name in objects:
        for column, kind, *_ in con.execute(f"DESCRIBE {name}").fetchall():
            assert kind in allowed, (name, column)
            if column.endswith("_usd"):
                assert kind in ({"DOUBLE"} if "minute" in column else money), (name, column)
            if column.endswith(("_share", "ner", "seer", "isa")) or column.startswith(("asr", "share")):
                assert kind == "DOUBLE", (name, column)
