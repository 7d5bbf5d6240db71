"""The files of `sql/` over hand-written rows in an in-memory DuckDB: a few lines that do what the builder does."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from pipeline.months import Month
from pipeline.normalise.schema import RECORD_TYPES, REJECTED, schema_of
from pipeline.warehouse.queries import Query, load, models, views
from pipeline.warehouse.records import ControlTotal, Coverage, KnownExport, as_table

SQL = Path(__file__).parents[2] / "sql"

Row = dict[str, Any]


def _texts(queries: Iterable[Query]) -> dict[str, str]:
    return {query.name: query.sql for query in queries}


def _duckdb_type(field: pa.Field) -> str:
    if pa.types.is_timestamp(field.type):
        return "TIMESTAMP"  # zoned in the lake, plain UTC where analysts read
    if pa.types.is_decimal(field.type):
        return f"DECIMAL({field.type.precision}, {field.type.scale})"
    plain = {pa.string(): "VARCHAR", pa.int32(): "INTEGER", pa.int64(): "BIGINT"}
    return plain.get(field.type, "MAP(VARCHAR, VARCHAR)")


@pytest.fixture(scope="session")
def objects() -> dict[str, str]:
    """Every staging and mart query by name, inputs before what reads them."""
    return _texts(models())


@pytest.fixture(scope="session")
def trends() -> dict[str, str]:
    """Every view, those of staging and those over all months, by name."""
    return _texts(views())


@pytest.fixture(scope="session")
def checks() -> dict[str, str]:
    """Every check's query by the stem of its file."""
    return {name.removeprefix("checks."): text for name, text in _texts(load("checks")).items()}


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty warehouse: the base tables, the seeds, and the schemas."""
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET threads = 1")
        for record_type in RECORD_TYPES:
            columns = ", ".join(f"{field.name} {_duckdb_type(field)}" for field in schema_of(RECORD_TYPES[record_type]))
            connection.execute(f"CREATE TABLE all_{record_type} ({columns})")
            connection.execute(f"CREATE VIEW {record_type} AS FROM all_{record_type}")
        for name, schema_ in (
            ("exports", as_table([], KnownExport).schema),
            ("coverage", as_table([], Coverage).schema),
            ("control_totals", as_table([], ControlTotal).schema),
            ("rejected_rows", REJECTED.append(pa.field("record_type", pa.string()))),
        ):
            columns = ", ".join(f"{field.name} {_duckdb_type(field)}" for field in schema_)
            connection.execute(f"CREATE TABLE {name} ({columns})")
        for schema in ("staging", "marts", "seeds", "trends"):
            connection.execute(f"CREATE SCHEMA {schema}")
        for seed in sorted((SQL / "seeds").glob("*.csv")):
            table = f"CREATE TABLE seeds.{seed.stem} AS SELECT * FROM read_csv(?, header = true, all_varchar = true)"
            connection.execute(table, [str(seed)])
        yield connection


@pytest.fixture
def add(con: duckdb.DuckDBPyConnection) -> Callable[..., None]:
    """Insert one row; unnamed cells are NULL, the month is the start's, and lines count up."""
    lines = iter(range(1, 1_000_000))

    def insert(record_type: str, started_at: str, **cells: object) -> None:
        given = {"started_at": started_at, "month": started_at[:7], "export_id": f"e-{started_at[:7]}"}
        row = given | {"row_number": next(lines)} | cells
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        con.execute(f"INSERT INTO all_{record_type} ({names}) VALUES ({marks})", list(row.values()))

    return insert


@pytest.fixture
def rows(con: duckdb.DuckDBPyConnection) -> Callable[[str], list[Row]]:
    """The rows of a query, as dictionaries."""

    def fetch(query: str) -> list[Row]:
        cursor = con.execute(query)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    return fetch


@pytest.fixture
def build(con: duckdb.DuckDBPyConnection, objects: dict[str, str], trends: dict[str, str]) -> Callable[..., None]:
    """Build staging and marts, over one month or over all, and the trends upon them."""

    def show(month: str | None) -> None:
        where = f"WHERE month = '{month}'" if month else ""
        for record_type in RECORD_TYPES:
            con.execute(f"CREATE OR REPLACE VIEW {record_type} AS SELECT * FROM all_{record_type} {where}")

    def make(names: Iterable[str]) -> None:
        for name in names:
            con.execute(f"CREATE OR REPLACE TABLE {name} AS {objects[name]}")

    def run(month: str | None = None) -> None:
        show(month)
        make(objects)
        if month:  # what crosses its beginning comes from the month before
            carrying = ["staging.calls_in", "staging.calls_out", "staging.call_spans", "staging.carried_over"]
            taking = [name for name, text in objects.items() if "-- month before: staging.carried_over\n" in text]
            show(str(Month.parse(month).shift(-1)))
            make(carrying)
            con.execute("CREATE OR REPLACE TABLE carried_before AS FROM staging.carried_over")
            show(month)
            make(carrying[:-1])
            con.execute("CREATE OR REPLACE TABLE staging.carried_over AS FROM carried_before")
            make([*taking, "marts.hourly_concurrency", "marts.peak_concurrency"])
            make(carrying[-1:])
        for name, text in trends.items():
            con.execute(f"CREATE OR REPLACE VIEW {name} AS {text}")

    return run


@pytest.fixture
def mart(build: Callable[..., None], rows: Callable[[str], list[Row]]) -> Callable[..., list[Row]]:
    """Build everything and give one object's rows, in the order asked for."""

    def fetch(name: str, order: str = "ALL") -> list[Row]:
        build()
        return rows(f"SELECT * FROM {name} ORDER BY {order}")

    return fetch
