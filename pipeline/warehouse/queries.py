"""Read the SQL files as objects: names, inputs, grain and sentences all come from the SQL."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from itertools import takewhile
from pathlib import Path

import sqlglot
from sqlglot import exp

from pipeline.errors import PermanentError
from pipeline.resources import ROOT, resources
from pipeline.warehouse.macros import Metric, expanded, metrics_of, sentences, spliced

SQL_FOLDER = ROOT / "sql"

VIEW = "-- materialized: view"
"""The header line of a query that is never stored: its text replaces its name in every query that reads it."""

_MONTH_BEFORE = re.compile(r"^-- month before: (\S+)$", re.MULTILINE)
_FORMERLY = re.compile(r"^-- formerly: (\S+)$", re.MULTILINE)
_GRAIN = re.compile(r"^-- grain: (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Query:
    """One file of ``sql/``.

    Args:
        name: The folder and the file, such as ``marts.daily_traffic``.
        sql: The SQL that runs, with metrics and views expanded.
        about: What a row is, and the question that it answers, from the header.
        columns: The sentence of each column.
        reads: The stored tables that it reads.
        before: The tables whose month before the built one it reads, from the header.
        grain: The columns that identify a row, from the header.
        formerly: Its name in earlier versions, from the header.
        written: The text of the file.
    """

    name: str
    sql: str
    about: str
    columns: Mapping[str, str]
    reads: frozenset[str]
    before: frozenset[str] = frozenset()
    grain: tuple[str, ...] = ()
    formerly: str = ""
    written: str = ""

    @property
    def schema(self) -> str:
        """The folder, which is the schema in the published file."""
        return self.name.split(".")[0]

    @property
    def is_view(self) -> bool:
        """Whether it is never stored: its text replaces its name in every query that reads it."""
        return VIEW in self.written


@dataclass(frozen=True)
class _Definitions:
    """The metrics by name and the views by table name, which are expanded in every query."""

    metrics: Mapping[str, Metric]
    views: Mapping[str, Query]


def load(folder: str) -> list[Query]:
    """Return every query of one folder of ``sql/``, by name."""
    defined = _definitions(SQL_FOLDER)
    return [_read(path, defined) for path in resources(SQL_FOLDER / folder, "*.sql")]


@cache
def models() -> tuple[Query, ...]:
    """Return the stored queries of staging and marts, each after everything that it reads."""
    found = {query.name: query for query in (*load("staging"), *load("marts")) if not query.is_view}
    order = TopologicalSorter({name: query.reads & found.keys() for name, query in found.items()})
    return tuple(found[name] for name in order.static_order())


@cache
def views() -> tuple[Query, ...]:
    """Return the queries that are never stored: the views of staging, and trends, which compare months."""
    return (*(query for query in load("staging") if query.is_view), *load("trends"))


def metrics() -> Mapping[str, Metric]:
    """Return the formulas of ``sql/metrics``, by name."""
    return _definitions(SQL_FOLDER).metrics


def seeds() -> dict[str, Path]:
    """Return the CSV files that analysts may edit, by table name."""
    return {f"seeds.{path.stem}": path for path in resources(SQL_FOLDER / "seeds", "*.csv")}


def anchored(query: Query) -> str:
    """Return the SQL with ``main`` before names without a schema: a view then reads its own file, however attached."""
    bare = [table.this.meta["start"] for table in _sources(_parsed(query.sql)) if not table.db]
    return spliced(query.sql, [(place, place, "main.") for place in bare])


def base_tables(query: Query, among: Iterable[Query]) -> frozenset[str]:
    """Return the tables of the lake that the query reads, directly or through others."""
    known = {other.name: other for other in among}
    below = (base_tables(known[name], known.values()) if name in known else {name} for name in query.reads)
    return frozenset(name for names in below for name in names if not name.startswith("seeds."))


@cache
def _definitions(root: Path) -> _Definitions:
    """Return the metrics and views under a folder; a view may call metrics, and reads no other view."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in sorted((root / "metrics").glob("*.sql"))}
    try:
        metrics = metrics_of(texts)
    except (ValueError, sqlglot.ParseError) as error:
        raise PermanentError(f"sql/metrics cannot be read: {error}.") from error
    paths = [path for path in sorted((root / "staging").glob("*.sql")) if VIEW in path.read_text(encoding="utf-8")]
    found = [_read(path, _Definitions(metrics, {})) for path in paths]
    return _Definitions(metrics, {query.name: query for query in found})


def _read(path: Path, defined: _Definitions) -> Query:
    written = path.read_text(encoding="utf-8").rstrip().rstrip(";")
    name, file = f"{path.parent.name}.{path.stem}", f"sql/{path.parent.name}/{path.name}"
    try:
        tree = _parsed(written)
        sql = expanded(_inlined(written, tree, defined.views), defined.metrics)
    except (sqlglot.ParseError, ValueError) as error:
        raise PermanentError(f"{file} cannot be parsed: {error}.") from error
    if not isinstance(tree, exp.Query):
        raise PermanentError(f"{file} is not one SELECT; write it as one.")
    reads, before = _tables(tree, defined.views), frozenset(_MONTH_BEFORE.findall(written))
    if missing := before - reads:
        raise PermanentError(f"{file} does not read {min(missing)}; correct its header.")
    columns = dict(zip(tree.named_selects, sentences(written), strict=False))
    grain = tuple(name.strip() for found in _GRAIN.findall(written) for name in found.split(","))
    if stray := set(grain) - columns.keys():
        raise PermanentError(f"{file} has no column {min(stray)}; correct the grain in its header.")
    formerly = "".join(_FORMERLY.findall(written))
    return Query(name, sql, _about(written), columns, reads, before, grain, formerly, written)


def _about(text: str) -> str:
    """Return what a row is and the question that it answers: the header up to its first line of another kind."""
    header = takewhile(lambda line: re.match(r"-- (?!\w+( \w+)?: |\w+ data: )|-- Ask: ", line), text.splitlines())
    return " ".join(line.removeprefix("-- ") for line in header)


@cache
def _parsed(sql: str) -> exp.Expr:
    """Return the syntax tree, which callers must not change: it is cached, because parsing is slow."""
    return sqlglot.parse_one(sql, dialect="duckdb")


def _inlined(sql: str, tree: exp.Expr, among: Mapping[str, Query]) -> str:
    """Return the SQL with the text of each view in place of its name."""
    found = [table for table in _sources(tree) if _name(table) in among]
    return spliced(
        sql,
        [
            (
                table.args["db"].meta["start"],
                table.this.meta["end"] + 1,
                f"(\n{_uncommented(among[_name(table)].sql)}\n){'' if table.alias else f' AS {table.name}'}",
            )
            for table in found
        ],
    )


def _uncommented(sql: str) -> str:
    return "\n".join(line for line in sql.splitlines() if not line.lstrip().startswith("--"))


def _tables(tree: exp.Query, among: Mapping[str, Query]) -> frozenset[str]:
    """Return the stored tables that a query reads, also through a view."""
    named = {_name(table) for table in _sources(tree)}
    through = (among[name].reads for name in named & among.keys())
    return frozenset(named - among.keys()).union(*through)


def _name(table: exp.Table) -> str:
    return f"{table.db}.{table.name}" if table.db else table.name


def _sources(tree: exp.Expr) -> list[exp.Table]:
    named = {cte.alias for cte in tree.find_all(exp.CTE)}
    return [table for table in tree.find_all(exp.Table) if table.db or table.name not in named]
