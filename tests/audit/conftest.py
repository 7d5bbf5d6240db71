"""A year's quarter and a month brought in over HTTP, built and published; and the books of what was archived."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from pydantic import SecretStr

from pipeline.months import Month, month_range
from pipeline.operations.wiring import Operations
from pipeline.sandbox import ManualClock, Sandbox
from pipeline.settings import Settings
from tests.audit import books as audit_books
from tests.audit.generate import records
from tests.integration.totals import KEY, NOW, bring_in

EARLIER = datetime(2026, 10, 20, tzinfo=UTC)
AUGUST, NOVEMBER = Month(2026, 8), Month(2026, 11)


@pytest.fixture(scope="session")
def seed() -> int:
    """What the records are made of; any number must do."""
    return int(os.environ.get("AUDIT_SEED", "10"))


@pytest.fixture(scope="session")
def operations(seed: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operations]:
    """August as it was exported in October, and the three months that the vendor still has in November."""
    clock, data = ManualClock(EARLIER), tmp_path_factory.mktemp("audit") / "data"
    with Sandbox(
        calls_per_day=0, clock=clock, pending=timedelta(0), processing=timedelta(0), api_key=KEY, rate_limit=None
    ) as vendor:
        for record_type, rows in zip(("cdr_in", "cdr_out"), records(seed), strict=True):
            vendor.add_records(record_type, rows)
        settings = Settings(didww_api_key=SecretStr(KEY), didww_api_url=vendor.url, cdr_data_dir=data, _env_file=None)
        operations = Operations(settings, clock=clock)
        for month in month_range(AUGUST, NOVEMBER):
            clock.at = EARLIER if month == AUGUST else NOW
            for record_type in ("cdr_in", "cdr_out"):
                bring_in(operations, record_type, month)
        operations.rebuilder.refresh()
        yield operations


@pytest.fixture(scope="session")
def books(operations: Operations) -> audit_books.Books:
    """What the archive says, read without the pipeline."""
    return audit_books.books(Path(operations.settings.cdr_data_dir) / "landing")


@pytest.fixture(scope="session")
def published(operations: Operations) -> Iterator[duckdb.DuckDBPyConnection]:
    """The file that analysts open."""
    with duckdb.connect(str(operations.place.warehouse), read_only=True) as connection:
        yield connection
