"""The SQL files as objects: their names, what they read, and their sentences, all taken from the SQL itself."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import sqlglot
from sqlglot import exp

from pipeline.errors import PermanentError
from pipeline.resources import ROOT, resources

SQL_FOLDER = ROOT / "sql"

_MONTH_BEFORE = re.compile(r"^-- month before: (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Query:
    """One file of ``sql/``: ``name`` is ``<folder>.<file>``, ``reads`` the tables in its FROM clauses.

    ``before`` are those of them of which it reads the month before the one that is built; its header names them.
    """

    name: str
    sql: str
    about: str
    columns: Mapping[str, str]
    reads: frozenset[str]
    before: frozenset[str] = frozenset()

    @property
    def schema(self) -> str:
        """The folder, which is the schema in the published file."""
        return self.name.split(".")[0]


def load(folder: str) -> list[Query]:
    """Every query of one folder of ``sql/``, by name."""
    return [_read(path) for path in resources(SQL_FOLDER / folder, "*.sql")]


@cache
def models() -> tuple[Query, ...]:
    """Staging and marts, each after everything that it reads."""
    found = {query.name: query for query in (*load("staging"), *load("marts"))}
    order = TopologicalSorter({name: query.reads & found.keys() for name, query in found.items()})
    return tuple(found[name] for name in order.static_order())


@cache
def trends() -> tuple[Query, ...]:
    """What looks across months: views in the published file over marts and records, built for no month."""
    return tuple(load("trends"))


def seeds() -> dict[str, Path]:
    """The CSV files that analysts may edit, by table name."""
    return {f"seeds.{path.stem}": path for path in resources(SQL_FOLDER / "seeds", "*.csv")}


def anchored(query: Query) -> str:
    """The SQL with ``main`` before what has no schema: a view then reads its own file, whatever that is attached as."""
    sql = query.sql
    bare = (table for table in _sources(_parsed(query.sql)) if not table.db)
    for place in sorted((table.this.meta["start"] for table in bare), reverse=True):
        sql = f"{sql[:place]}main.{sql[place:]}"
    return sql


def base_tables(query: Query, among: Iterable[Query]) -> frozenset[str]:
    """The tables of the lake that the query rests on in the end."""
    known = {other.name: other for other in among}
    below = (base_tables(known[name], known.values()) if name in known else {name} for name in query.reads)
    return frozenset(name for names in below for name in names if not name.startswith("seeds."))


def _read(path: Path) -> Query:
    sql = path.read_text(encoding="utf-8").rstrip().rstrip(";")
    name = f"{path.parent.name}.{path.stem}"
    try:
        tree = _parsed(sql)
    except sqlglot.ParseError as error:
        raise PermanentError(f"sql/{path.parent.name}/{path.name} cannot be parsed: {error}.") from error
    if not isinstance(tree, exp.Query):
        raise PermanentError(f"sql/{path.parent.name}/{path.name} is not one SELECT; write it as one.")
    reads, before = _tables(tree), frozenset(_MONTH_BEFORE.findall(sql))
    if stray := before - reads:
        raise PermanentError(f"sql/{path.parent.name}/{path.name} does not read {min(stray)}; mend its header.")
    return Query(name, sql, sql.split("\n", 1)[0].lstrip("- "), _sentences(tree), reads, before)


@cache
def _parsed(sql: str) -> exp.Expr:
    """The syntax tree, which nobody may change: to parse is dearer than all that is asked of it."""
    return sqlglot.parse_one(sql, dialect="duckdb")


def _sentences(tree: exp.Query) -> dict[str, str]:
    return {item.alias_or_name: (item.comments or [""])[-1].strip() for item in tree.selects}


def _tables(tree: exp.Query) -> frozenset[str]:
    return frozenset(f"{table.db}.{table.name}" if table.db else table.name for table in _sources(tree))


def _sources(tree: exp.Expr) -> list[exp.Table]:
    named = {cte.alias for cte in tree.find_all(exp.CTE)}
    return [table for table in tree.find_all(exp.Table) if table.db or table.name not in named]
