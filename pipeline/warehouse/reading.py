"""Query the published warehouse, read-only."""

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
    """Column names and a stream of rows; a row that cannot be computed raises ``PermanentError``."""

    names: list[str]
    rows: Iterator[Row]


@dataclass(frozen=True)
class Finding:
    """How many rows break a check, and the first of them."""

    rows: int
    sample: Answer


def ask(warehouse: Path, query: str, limit: int | None = None) -> Answer:
    """Return the rows that answer a query.

    Args:
        warehouse: The path of the published file.
        query: One SELECT.
        limit: The most rows to return; None returns all.

    Raises:
        PermanentError: The file is missing, or DuckDB cannot answer the query.
    """
    with opened(warehouse) as db:
        return _answer(db, query, limit)


@contextmanager
def streamed(warehouse: Path, query: str) -> Iterator[Stream]:
    """Open the answer to a query as a stream, with at most a few thousand rows in memory."""
    with opened(warehouse) as db:
        yield _stream(db, query)


def check(warehouse: Path, query: Query) -> Finding:
    """Run one of the checks of ``sql/checks``."""
    with opened(warehouse) as db:
        sample = _answer(db, f"SELECT * FROM ({query.sql}) LIMIT {_SHOWN}")  # noqa: S608
        count = _answer(db, f"SELECT count(*) FROM ({query.sql})").rows[0][0] if sample.rows else 0  # noqa: S608
        return Finding(int(str(count)), sample)


@contextmanager
def opened(warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open one snapshot of the published file; raise ``PermanentError`` if the file is missing or unreadable."""
    if not warehouse.exists():
        raise PermanentError(f"{warehouse} is not published yet; bring in a month with `cdr backfill` first.")
    try:
        db = duckdb.connect(str(warehouse), read_only=True)
    except duckdb.Error as error:
        raise PermanentError(f"{_message(error)}; `cdr publish` writes {warehouse.name} again.") from error
    with db:
        yield db


def only_select(query: str) -> str:
    """Return the query if it is one SELECT. On a read-only file, COPY could still write other files."""
    with answering():
        kinds = [statement.type for statement in duckdb.extract_statements(query)]
    if kinds != [duckdb.StatementType.SELECT]:
        raise PermanentError("Only one SELECT can run at a time (PIVOT needs its IN list); write it as one.")
    return query


@contextmanager
def answering() -> Iterator[None]:
    """Raise DuckDB's errors as ``PermanentError`` of one line."""
    try:
        yield
    except duckdb.IOException as error:
        todo = "if the data directory was moved, `cdr publish` writes the warehouse again"
        raise PermanentError(f"A file could not be read: {_message(error)}; {todo}.") from error
    except duckdb.Error as error:
        raise PermanentError(
            f"The query could not be answered: {_message(error)}; correct it and run it again."
        ) from error


def _message(error: duckdb.Error) -> str:
    """Return DuckDB's message in one line, without the excerpt of the query."""
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
