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
    """Create ``name`` over ``files``, or empty with ``schema``; return what was created, or None without both.

    ``columns`` and their types replace the columns of the files. The list of files is explicit, because a glob would
    show files that are written but not committed.
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
    """DuckDB's name of a column type; DuckDB itself would import pandas to tell it."""
    return f"DECIMAL({kind.precision}, {kind.scale})" if pa.types.is_decimal(kind) else _SQL[kind]


def _listed(files: Sequence[Path]) -> str:
    """The files as one relation: a column that a file lacks is NULL, and the widest type is used."""
    if gone := [file for file in files if not file.exists()]:
        raise PermanentError(f"{gone[0]} is missing from the lake; run `cdr rebuild` to make it again.")
    # matching names opens every file at every query, so only where it must
    by_name = len({_columns_of(file) for file in files}) > 1
    # the folder of a file is its month, by which whole files are passed over
    month = "right(parse_dirpath(filename), 7) AS month"
    return f"(SELECT {month}, * EXCLUDE (filename) FROM {parquet(files, by_name=by_name, filename=True)})"  # noqa: S608


@cache
def _columns_of(file: Path) -> frozenset[tuple[str, str]]:
    """The columns of a file and their types; cached, because files are never rewritten."""
    try:
        return frozenset((field.name, str(field.type)) for field in pq.read_schema(file))
    except pa.ArrowInvalid as error:
        raise PermanentError(f"{file} of the lake is damaged; run `cdr rebuild` to make it again.") from error


def parquet(files: Sequence[Path], *, by_name: bool = False, filename: bool = False) -> str:
    """The call of ``read_parquet`` for the files: paths are no patterns, and ``key=value`` folders no columns."""
    options = {"hive_partitioning": False, "union_by_name": by_name, "filename": filename}
    said = ", ".join(f"{name} = {str(value).lower()}" for name, value in options.items())
    return f"read_parquet([{', '.join(literal(glob.escape(str(file))) for file in files)}], {said})"


def create_record(db: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    """Create a table of what the pipeline knows of itself."""
    db.register("_record", table)
    found = types(db, "FROM _record")
    db.execute(f"CREATE TABLE {name} AS SELECT {_columns(found, found)} FROM _record")  # noqa: S608


def _columns(found: Mapping[str, str], expected: Mapping[str, str]) -> str:
    """The select list: as expected, NULL for a column that no file has; else the month first, as a mart begins."""
    wanted = expected or {"month": found["month"], **found}
    return ", ".join(
        _shown(name, kind, f'"{name}"' if found.get(name) == kind else f"CAST({_there(name, found)} AS {kind})")
        for name, kind in wanted.items()
    )


def _there(name: str, found: Mapping[str, str]) -> str:
    return f'"{name}"' if name in found else "NULL"


def _shown(column: str, kind: str, value: str) -> str:
    """A column as analysts see it: a zoned instant as plain ``TIMESTAMP`` in UTC, whatever the session's zone is."""
    if kind == "TIMESTAMP WITH TIME ZONE":
        value = f"make_timestamp(epoch_us({value}))"
    return f'{value} AS "{column}"'


def create_seeds(db: duckdb.DuckDBPyConnection, seeds: Mapping[str, Path]) -> None:
    """Load the CSV files that analysts may edit, every cell as text."""
    for name, path in seeds.items():
        source = f"read_csv({literal(glob.escape(str(path)))}, all_varchar = true, hive_partitioning = false)"
        db.execute(f"CREATE TABLE {name} AS SELECT * FROM {source}")  # noqa: S608


def types(db: duckdb.DuckDBPyConnection, query: str) -> dict[str, str]:
    """The columns of a query and their types, in order."""
    return {row[0]: row[1] for row in db.execute(f"DESCRIBE {query}").fetchall()}


def comment(db: duckdb.DuckDBPyConnection, made: Made, name: str, columns: Mapping[str, str], about: str = "") -> None:
    """Store the sentences as comments of the relation and its columns; every client shows them."""
    if about:
        db.execute(f"COMMENT ON {made} {name} IS {literal(about)}")
    for column, sentence in columns.items():
        if sentence:
            db.execute(f'COMMENT ON COLUMN {name}."{column}" IS {literal(sentence)}')


def literal(text: str) -> str:
    """The text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"
