"""Build months of marts in one DuckDB session, which is opened once, with the seeds, for any number of them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import PermanentError
from pipeline.warehouse.lake import Lake
from pipeline.warehouse.queries import Query, seeds
from pipeline.warehouse.relations import create, create_seeds

MEMORY_LIMIT = "1GB"


class Builder:
    """One DuckDB session in which months of marts are built; a context manager.

    Args:
        lake: Holds the files of every table.
        base: The schemas of the tables that need not have the month: they are read as empty.
    """

    def __init__(self, lake: Lake, base: Mapping[str, pa.Schema]) -> None:
        self.lake = lake
        self.base = base

    def __enter__(self) -> Self:
        self._db = duckdb.connect()
        try:
            _configure(self._db, self.lake)
            self._db.execute("CREATE SCHEMA seeds")
            create_seeds(self._db, seeds())
        except BaseException:
            self._db.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    @contextmanager
    def reading(self, inputs: Mapping[str, list[Path]], query: Query) -> Iterator[duckdb.DuckDBPyConnection]:
        """Create the inputs of a query while it is built; a rollback removes them."""
        self._db.execute("BEGIN TRANSACTION")
        try:
            for name, files in inputs.items():
                before = name in query.before
                _show(self._db, name, files, _columns_before(self.lake, name) if before else self.base.get(name))
            yield self._db
        finally:
            with suppress(duckdb.Error):  # of a session that is beyond repair: the error before it says why
                self._db.execute("ROLLBACK")


def _columns_before(lake: Lake, name: str) -> pa.Schema | None:
    """Return the columns of a table, as its last file has them: a missing month before is read as empty."""
    made = [file for files in lake.files(name).values() for file in files]
    return schema_of_file(made[-1]) if made else None


def _configure(db: duckdb.DuckDBPyConnection, lake: Lake) -> None:
    db.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
    db.execute("SET temp_directory = ?", [str(lake.root / ".duckdb")])
    db.execute("SET TimeZone = 'UTC'")


def _show(db: duckdb.DuckDBPyConnection, name: str, files: list[Path], schema: pa.Schema | None) -> None:
    if "." in name:
        db.execute(f"CREATE SCHEMA IF NOT EXISTS {name.split('.')[0]}")
    if create(db, name, files, schema) is None:
        raise PermanentError(f"{name} lacks the month that is being built from it; build it first.")


def schema_of_file(file: Path) -> pa.Schema:
    """Return the columns of a file of the lake, with the month, which its folder gives."""
    return pq.read_schema(file).remove_metadata().append(pa.field("month", pa.string()))
