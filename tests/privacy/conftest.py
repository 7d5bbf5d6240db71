import gzip
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from pydantic import SecretStr

from pipeline.months import Month
from pipeline.operations.wiring import Operations
from pipeline.sandbox import ManualClock, Sandbox
from pipeline.settings import Settings
from tests.integration.totals import KEY, MONTHS, NOW, bring_in

PSEUDONYM_KEY = "a secret of thirty-two characters"

Rows = list[tuple[Any, ...]]
Opened = Callable[..., Operations]
Bring = Callable[..., None]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def vendor(clock: ManualClock) -> Iterator[Sandbox]:
    with Sandbox(
        calls_per_day=3, clock=clock, pending=timedelta(0), processing=timedelta(0), api_key=KEY, rate_limit=None
    ) as sandbox:
        yield sandbox


@pytest.fixture
def opened(vendor: Sandbox, clock: ManualClock, tmp_path: Path) -> Opened:
    """The data directory under other settings."""

    def made(**settings: object) -> Operations:
        own: dict[str, Any] = {"didww_api_key": SecretStr(KEY), "didww_api_url": vendor.url, **settings}
        return Operations(Settings(cdr_data_dir=tmp_path / "data", _env_file=None, **own), clock=clock)

    return made


@pytest.fixture
def bring() -> Bring:
    """The months that the vendor has, of both record types, published."""

    def all_of(operations: Operations, months: Sequence[Month] = MONTHS[1:]) -> None:
        for record_type in operations.place.schemas:
            for month in months:
                bring_in(operations, record_type, month)
        operations.rebuilder.refresh()

    return all_of


def ask(operations: Operations, query: str) -> Rows:
    with duckdb.connect(str(operations.place.warehouse), read_only=True) as db:
        return db.execute(query).fetchall()


def texts(folder: Path) -> Iterator[tuple[Path, str]]:
    """All that is kept in a folder as text: gunzipped, Parquet cell by cell, every table of DuckDB, else the bytes."""
    for path in (path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(".lock")):
        match path.suffix:
            case ".gz":
                yield path, gzip.decompress(path.read_bytes()).decode("utf-8", "replace")
            case ".parquet":
                yield path, str(pq.read_table(path, partitioning=None).to_pylist())
            case ".duckdb":
                yield path, dumped(path)
            case _:
                yield path, path.read_bytes().decode("utf-8", "replace")


def dumped(warehouse: Path) -> str:
    with duckdb.connect(str(warehouse), read_only=True) as db:
        names = db.execute("SELECT table_schema, table_name FROM information_schema.tables").fetchall()
        return "\n".join(str(db.execute(f"FROM {schema}.{name}").fetchall()) for schema, name in names)


def holding(folder: Path, word: str) -> list[str]:
    """The files in which a word is found."""
    return sorted(str(path.relative_to(folder)) for path, text in texts(folder) if word in text)
