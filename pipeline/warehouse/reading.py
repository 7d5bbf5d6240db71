"""Read the published warehouse as any analyst does."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipeline.errors import PermanentError
from pipeline.warehouse.queries import Query

_SHOWN = 5


@dataclass(frozen=True)
class Answer:
    """Column names and rows."""

    names: list[str]
    rows: list[tuple[object, ...]]


@dataclass(frozen=True)
class Finding:
    """How many rows a check found where there must be none, and the first few of them."""

    rows: int
    sample: Answer


def ask(warehouse: Path, query: str) -> Answer:
    """Ask the warehouse; raises ``PermanentError`` where there is none yet, or the query is not understood."""
    with _opened(warehouse) as db:
        return _answer(db, query)


def check(warehouse: Path, query: Query) -> Finding:
    """Run one of the checks."""
    with _opened(warehouse) as db:
        sample = _answer(db, f"SELECT * FROM ({query.sql}) LIMIT {_SHOWN}")  # noqa: S608
        count = _answer(db, f"SELECT count(*) FROM ({query.sql})").rows[0][0] if sample.rows else 0  # noqa: S608
        return Finding(int(str(count)), sample)


@contextmanager
def _opened(warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    if not warehouse.exists():
        raise PermanentError(f"{warehouse} is not published yet; bring in a month with `cdr backfill` first.")
    with duckdb.connect(str(warehouse), read_only=True) as db:
        yield db


def _answer(db: duckdb.DuckDBPyConnection, query: str) -> Answer:
    try:
        found = db.execute(query)
    except duckdb.Error as error:
        raise PermanentError(f"The query was not understood: {error}") from error
    return Answer([column[0] for column in found.description or []], found.fetchall())
