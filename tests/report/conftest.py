"""A published warehouse of three months, copies of it that tests may change, and a report as a reader sees it."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pydantic import SecretStr

from pipeline.months import Month, month_range
from pipeline.operations.wiring import Operations
from pipeline.report import write
from pipeline.sandbox import Sandbox
from pipeline.settings import Settings
from tests.report.reader import Page, read

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MONTHS = month_range(Month(2026, 9), Month(2026, 11))

Edited = Callable[..., Path]
Reported = Callable[..., Page]


@pytest.fixture(scope="session")
def operations(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operations]:
    """Three months brought in and published; the last of them is running."""
    with Sandbox(
        calls_per_day=60, clock=lambda: NOW, pending=timedelta(0), processing=timedelta(0), rate_limit=None
    ) as vendor:
        settings = Settings(
            didww_api_key=SecretStr(vendor.api_key),
            didww_api_url=vendor.url,
            cdr_data_dir=tmp_path_factory.mktemp("report"),
            _env_file=None,
        )
        made = Operations(settings, clock=lambda: NOW)
        for record_type in settings.cdr_record_types:
            exports = {
                asked.request.month: asked.export.id for asked in made.requester.request(record_type, MONTHS).all()
            }
            listed = {export.id: export for export in made.listings.read("didww")}
            for month in MONTHS:
                made.lander.land(record_type, month, listed[exports[month]])
                made.loader.load(record_type, month)
        made.rebuilder.refresh()
        yield made


@pytest.fixture(scope="session")
def db(operations: Operations) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published warehouse, as an analyst opens it."""
    with duckdb.connect(str(operations.place.warehouse), read_only=True) as opened:
        yield opened


@pytest.fixture
def edited(operations: Operations, tmp_path: Path) -> Edited:
    """A copy of the published file with statements run on it."""

    def copy(*statements: str, given: Sequence[Any] = ()) -> Path:
        file = tmp_path / "edited.duckdb"
        if not file.exists():
            shutil.copyfile(operations.place.warehouse, file)
        with duckdb.connect(str(file)) as writable:
            for statement in statements:
                writable.execute(statement, given if "?" in statement else None)
        return file

    return copy


@pytest.fixture(scope="session")
def plain(operations: Operations, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Page]:
    """The reports of what is published, each written once."""
    folder = tmp_path_factory.mktemp("plain")

    @cache
    def made(month: str) -> Page:
        write(operations.place.warehouse, Month.parse(month), folder / f"{month}.html")
        return read(folder / f"{month}.html")

    return made


@pytest.fixture
def report(plain: Callable[[str], Page], tmp_path: Path) -> Reported:
    """The report of a month, read back out of its file."""

    def made(month: str = "2026-10", warehouse: Path | None = None) -> Page:
        if warehouse is None:
            return plain(month)
        write(warehouse, Month.parse(month), tmp_path / f"{month}.html", again=True)
        return read(tmp_path / f"{month}.html")

    return made
