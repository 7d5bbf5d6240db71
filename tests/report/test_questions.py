"""The report asks in SQL: its questions are files, and it computes no figure of its own."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import sqlglot
from sqlglot import exp

from pipeline.errors import PermanentError
from pipeline.months import Month
from pipeline.report.published import Published, Row
from pipeline.warehouse import queries
from pipeline.warehouse.questions import question
from tests.report.conftest import NOW, Edited

ROOT = Path(__file__).parents[2]
SHOWING = [
    *(ROOT / "pipeline/report").rglob("*.py"),
    ROOT / "pipeline/commands/demo.py",
    *(ROOT / "pipeline/defs" / f"{name}.py" for name in ("catalogue", "markdown", "metadata", "plots", "published")),
]
FILES = sorted(path for folder in ("report", "lake", "demo") for path in ROOT.glob(f"sql/{folder}/*.sql"))
QUESTIONS = [path.stem for path in FILES if path.parent.name == "report"]
RATIO_MAKERS = {"truediv", "Fraction", "statistics", "fmean"}


def nodes(module: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(module.read_text("utf-8")))


def ratios(module: Path) -> set[str]:
    """Return every division of figures, and every function that divides."""
    divisions = {
        ast.unparse(node)
        for node in nodes(module)
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div)
    }
    names = {ast.unparse(node) for node in nodes(module) if isinstance(node, ast.Name | ast.Attribute)}
    return {text for text in divisions if not re.search(r"_FOLDER|_dir\b", text)} | (names & RATIO_MAKERS)


@pytest.mark.parametrize("module", SHOWING, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_shows_figures_divides_none(module: Path) -> None:
    drawn = {"float(figure or 0) / (largest or 1)", "count * (_HEIGHT - 1) / max(top, 1)"}  # lengths, not figures
    assert ratios(module) <= drawn


@pytest.mark.parametrize("module", SHOWING, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_shows_figures_holds_no_sql(module: Path) -> None:
    texts = [node.value for node in nodes(module) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    written = [text for text in texts if re.search(r"\bSELECT\b", text)]
    assert [text for text in written if "information_schema" not in text] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_a_question_divides_by_metrics_alone(path: Path) -> None:
    tree = sqlglot.parse_one(path.read_text("utf-8"), dialect="duckdb")
    assert list(tree.find_all(exp.Div, exp.IntDiv, exp.SafeDivide, exp.Avg)) == []


def rounded(rows: list[Row]) -> list[Row]:
    """Return the rows without the last digits of a DOUBLE, which depend on the order in which it was added up."""
    return [{name: round(cell, 9) if isinstance(cell, float) else cell for name, cell in row.items()} for row in rows]


def test_every_question_is_asked() -> None:
    asked = {
        node.value
        for module in SHOWING
        for node in nodes(module)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert len(QUESTIONS) > 20
    assert [name for name in QUESTIONS if not {name, f"report.{name}"} & asked] == []


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_can_be_asked_of_what_is_published(db: duckdb.DuckDBPyConnection, name: str) -> None:
    """A misspelt table would be taken for one that an older file lacks."""
    published = Published(db, Month(2026, 10), NOW)
    assert question(f"report.{name}").reads - {"coverage", "exports", "differences", "rejected_rows"} <= {
        *published.relations
    }
    published.rows(name)


def test_an_answer_does_not_depend_on_the_order_in_which_a_mart_was_written(
    db: duckdb.DuckDBPyConnection, edited: Edited
) -> None:
    marts = db.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'marts'").fetchall()
    shuffled = edited(
        *(
            f"CREATE OR REPLACE TABLE marts.{name} AS SELECT * FROM marts.{name} AS m ORDER BY hash(m)"
            for (name,) in marts
        )
    )
    with duckdb.connect(str(shuffled), read_only=True) as other:
        other.execute("SET threads = 1")
        answers = [
            {name: rounded(Published(asked, Month(2026, 10), NOW).rows(name)) for name in QUESTIONS}
            for asked in (db, other)
        ]
    assert len(marts) > 10
    assert [name for name in QUESTIONS if answers[0][name] != answers[1][name]] == []


def test_a_question_whose_file_is_missing_is_an_error_that_names_it() -> None:
    with pytest.raises(PermanentError, match=r"^sql/report/lost_file\.sql is missing; "):
        question("report.lost_file")


def test_a_question_that_asks_for_what_no_report_knows_is_an_error(
    db: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "SQL_FOLDER", tmp_path)
    (tmp_path / "report").mkdir()
    (tmp_path / "report/odd.sql").write_text("-- One row per month. Ask: which?\nSELECT $mouth AS month")
    with pytest.raises(PermanentError, match=r"asks for \$mouth"):
        Published(db, Month(2026, 10), NOW).rows("odd")


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_a_question_says_what_a_row_is_and_what_it_answers(path: Path) -> None:
    row, ask = path.read_text("utf-8").splitlines()[:2]
    assert re.fullmatch(r"-- One row per .+\.", row)
    assert re.fullmatch(r"-- Ask: .+\?", ask)
