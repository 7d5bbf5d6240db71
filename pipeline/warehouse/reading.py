"""Read the published warehouse as any analyst does."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import duckdb

from pipeline.errors import PermanentError
from pipeline.warehouse.queries import Query

_SHOWN = 5
_FETCHED = 10_000

Row = tuple[object, ...]


@dataclass(frozen=True)
class Answer:
    """Column names and rows."""

    names: list[str]
    rows: list[Row]


@dataclass(frozen=True)
class Stream:
    """Column names, and the rows as they come; a row that cannot be computed raises ``PermanentError``."""

    names: list[str]
    rows: Iterator[Row]


@dataclass(frozen=True)
class Finding:
    """How many rows a check found where there must be none, and the first few of them."""

    rows: int
    sample: Answer


def ask(warehouse: Path, query: str, limit: int | None = None) -> Answer:
    """Ask the warehouse for its first ``limit`` rows, else for all.

    Raises ``PermanentError`` where there is none yet, or the query is not one SELECT that it can answer.
    """
    with opened(warehouse) as db:
        return _answer(db, query, limit)


@contextmanager
def streamed(warehouse: Path, query: str) -> Iterator[Stream]:
    """The same, of which no more is in memory at any time than a few thousand rows."""
    with opened(warehouse) as db:
        yield _stream(db, query)


def check(warehouse: Path, query: Query) -> Finding:
    """Run one of the checks."""
    with opened(warehouse) as db:
        sample = _answer(db, f"SELECT * FROM ({query.sql}) LIMIT {_SHOWN}")  # noqa: S608
        count = _answer(db, f"SELECT count(*) FROM ({query.sql})").rows[0][0] if sample.rows else 0  # noqa: S608
        return Finding(int(str(count)), sample)


@contextmanager
def opened(warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """One snapshot, for as long as it is open; raises ``PermanentError`` where there is none yet."""
    if not warehouse.exists():
        raise PermanentError(f"{warehouse} is not published yet; bring in a month with `cdr backfill` first.")
    try:
        db = duckdb.connect(str(warehouse), read_only=True)
    except duckdb.Error as error:
        raise PermanentError(f"{_said(error)}; `cdr publish` writes {warehouse.name} anew.") from error
    with db:
        yield db


def only_select(query: str) -> str:
    """The query, if it is one SELECT: a file that is open read-only does not keep COPY from writing others."""
    with answering():
        kinds = [statement.type for statement in duckdb.extract_statements(query)]
    if kinds != [duckdb.StatementType.SELECT]:
        raise PermanentError("Only one SELECT can be asked at a time (PIVOT needs its IN list); write it as one.")
    return query


@contextmanager
def answering() -> Iterator[None]:
    """Turn what DuckDB complains of into a ``PermanentError`` of one line."""
    try:
        yield
    except duckdb.IOException as error:
        todo = "if the data directory was moved, `cdr publish` writes the warehouse anew"
        raise PermanentError(f"A file could not be read: {_said(error)}; {todo}.") from error
    except duckdb.Error as error:
        raise PermanentError(f"The query could not be answered: {_said(error)}; correct it and ask again.") from error


def _said(error: duckdb.Error) -> str:
    """What DuckDB said, in one line and without the picture of the query."""
    return " ".join(re.split(r"\n\n|\n\t", str(error), maxsplit=1)[0].split()).rstrip(".!")


def _answer(db: duckdb.DuckDBPyConnection, query: str, limit: int | None = None) -> Answer:
    found = _stream(db, query)
    return Answer(found.names, list(islice(found.rows, limit)))


def _stream(db: duckdb.DuckDBPyConnection, query: str) -> Stream:
    with answering():
        found = db.execute(only_select(query))
    return Stream([column[0] for column in found.description or []], _rows(found))


def _rows(found: duckdb.DuckDBPyConnection) -> Iterator[Row]:
    while True:
        with answering():
            rows = found.fetchmany(_FETCHED)
        if not rows:
            return
        yield from rows
