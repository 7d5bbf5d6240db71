"""Show files of the lake as DuckDB relations: plain UTC timestamps, the month as text, absolute paths."""

import glob
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Literal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import PermanentError

Made = Literal["TABLE", "VIEW"]

_SQL = {
    pa.string(): "VARCHAR",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.date32(): "DATE",
    pa.timestamp("us", tz="UTC"): "TIMESTAMP WITH TIME ZONE",
    pa.map_(pa.string(), pa.string()): "MAP(VARCHAR, VARCHAR)",
}


@contextmanager
def disk() -> Iterator[None]:
    """Raise ``OSError`` for DuckDB's errors about the disk."""
    try:
        yield
    except duckdb.IOException as error:
        raise OSError(str(error)) from error


def create(
    db: duckdb.DuckDBPyConnection,
    name: str,
    files: Sequence[Path],
    schema: pa.Schema | None,
    wanted: Made = "VIEW",
    columns: Mapping[str, str] | None = None,
) -> Made | None:
    """Create a relation over files, or an empty one; return what was created, or None without files and schema.

    Args:
        db: The connection.
        name: The name of the relation.
        files: The files; a list, because a glob would also show files that are written but not committed.
        schema: The columns, also of an empty relation.
        wanted: Whether to create a table or a view; an empty relation is a table.
        columns: The columns and their types, in place of those of the files.
    """
    if not files and schema is None:
        return None
    expected = {field.name: _sql(field.type) for field in schema} if schema is not None else columns or {}
    if not files:
        empty = ", ".join(_shown(column, kind, f"CAST(NULL AS {kind})") for column, kind in expected.items())
        db.execute(f"CREATE TABLE {name} AS SELECT {empty} LIMIT 0")
        return "TABLE"
    source = _listed(files)
    db.execute(f"CREATE {wanted} {name} AS SELECT {_columns(types(db, f'FROM {source}'), expected)} FROM {source}")  # noqa: S608
    return wanted


def _sql(kind: pa.DataType) -> str:
    """Return DuckDB's name of a column type, without DuckDB itself, which would import pandas for it."""
    return f"DECIMAL({kind.precision}, {kind.scale})" if pa.types.is_decimal(kind) else _SQL[kind]


def _listed(files: Sequence[Path]) -> str:
    """Return SQL of the files as one relation: a missing column is NULL, and the widest type is used."""
    if gone := [file for file in files if not file.exists()]:
        raise PermanentError(f"{gone[0]} is missing from the lake; run `cdr rebuild` to make it again.")
    # with union_by_name every query opens every file, so it is used only if columns differ
    by_name = len({_columns_of(file) for file in files}) > 1
    # the folder of a file is its month, by which a query skips whole files
    month = "right(parse_dirpath(filename), 7) AS month"
    return f"(SELECT {month}, * EXCLUDE (filename) FROM {parquet(files, by_name=by_name, filename=True)})"  # noqa: S608


@cache
def _columns_of(file: Path) -> frozenset[tuple[str, str]]:
    """Return the columns of a file and their types; cached, because files are never rewritten."""
    try:
        return frozenset((field.name, str(field.type)) for field in pq.read_schema(file))
    except pa.ArrowInvalid as error:
        raise PermanentError(f"{file} of the lake is damaged; run `cdr rebuild` to make it again.") from error


def parquet(files: Sequence[Path], *, by_name: bool = False, filename: bool = False) -> str:
    """Return the call of ``read_parquet`` for files, without patterns in paths or columns from ``key=value`` folders.

    Args:
        files: The files.
        by_name: Match columns by name; else all files must have the same columns.
        filename: Add a column with the path of each row's file.
    """
    options = {"hive_partitioning": False, "union_by_name": by_name, "filename": filename}
    said = ", ".join(f"{name} = {str(value).lower()}" for name, value in options.items())
    return f"read_parquet([{', '.join(literal(glob.escape(str(file))) for file in files)}], {said})"


def create_record(db: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    """Create a table of the pipeline's own records.

    Args:
        db: The connection.
        name: The name of the table.
        table: Its rows.
    """
    db.register("_record", table)
    found = types(db, "FROM _record")
    db.execute(f"CREATE TABLE {name} AS SELECT {_columns(found, found)} FROM _record")  # noqa: S608


def _columns(found: Mapping[str, str], expected: Mapping[str, str]) -> str:
    """Return the select list: the expected columns, NULL if missing; without expectations the month comes first."""
    wanted = expected or {"month": found["month"], **found}
    return ", ".join(
        _shown(name, kind, f'"{name}"' if found.get(name) == kind else f"CAST({_there(name, found)} AS {kind})")
        for name, kind in wanted.items()
    )


def _there(name: str, found: Mapping[str, str]) -> str:
    return f'"{name}"' if name in found else "NULL"


def _shown(column: str, kind: str, value: str) -> str:
    """Return a column as analysts see it: a timestamptz becomes a ``TIMESTAMP`` in UTC, in any session's time zone."""
    if kind == "TIMESTAMP WITH TIME ZONE":
        value = f"make_timestamp(epoch_us({value}))"
    return f'{value} AS "{column}"'


def create_seeds(db: duckdb.DuckDBPyConnection, seeds: Mapping[str, Path]) -> None:
    """Load the CSV files that analysts may edit, every cell as text."""
    for name, path in seeds.items():
        source = f"read_csv({literal(glob.escape(str(path)))}, all_varchar = true, hive_partitioning = false)"
        db.execute(f"CREATE TABLE {name} AS SELECT * FROM {source}")  # noqa: S608


def types(db: duckdb.DuckDBPyConnection, query: str) -> dict[str, str]:
    """Return the columns of a query and their types, in order."""
    return {row[0]: row[1] for row in db.execute(f"DESCRIBE {query}").fetchall()}


def comment(db: duckdb.DuckDBPyConnection, made: Made, name: str, columns: Mapping[str, str], about: str = "") -> None:
    """Store the descriptions as comments of the relation and its columns; every client shows them.

    Args:
        db: The connection.
        made: Whether the relation is a table or a view.
        name: The name of the relation.
        columns: The description of each column.
        about: The description of the relation.
    """
    if about:
        db.execute(f"COMMENT ON {made} {name} IS {literal(about)}")
    for column, sentence in columns.items():
        if sentence:
            db.execute(f'COMMENT ON COLUMN {name}."{column}" IS {literal(sentence)}')


def literal(text: str) -> str:
    """Return the text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"
