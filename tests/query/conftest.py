import os
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from pydantic import SecretStr

from pipeline.months import Month
from pipeline.operations.wiring import Operations
from pipeline.sandbox import Sandbox
from pipeline.settings import Settings

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SEPTEMBER, OCTOBER = Month.parse("2026-09"), Month.parse("2026-10")


class Editions(NamedTuple):
    """Two publishes of one lake into a file of one's own: ``earlier`` without October, ``later`` with it."""

    earlier: Callable[[Path], None]
    later: Callable[[Path], None]


@pytest.fixture(scope="session")
def operations(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Operations, datetime]]:
    """September and October, published, and an instant between their loads."""
    with Sandbox(
        calls_per_day=12, clock=lambda: NOW, pending=timedelta(0), processing=timedelta(0), rate_limit=None
    ) as vendor:
        made = Operations(
            Settings(
                didww_api_key=SecretStr(vendor.api_key),
                didww_api_url=vendor.url,
                cdr_data_dir=tmp_path_factory.mktemp("archive") / "data",
                _env_file=None,
            ),
            clock=lambda: NOW,
        )
        load(made, SEPTEMBER)
        between = datetime.now(UTC)
        load(made, OCTOBER)
        made.rebuilder.refresh()
        yield made, between


def load(operations: Operations, month: Month) -> None:
    for record_type in operations.settings.cdr_record_types:
        [asked] = operations.requester.request(record_type, [month]).all()
        [listed] = [export for export in operations.listings.read("didww") if export.id == asked.export.id]
        operations.lander.land(record_type, month, listed)
        operations.loader.load(record_type, month)


@pytest.fixture(scope="session")
def warehouse(operations: tuple[Operations, datetime]) -> Path:
    """Only to be read, as by everybody."""
    return operations[0].place.warehouse


@pytest.fixture(scope="session")
def editions(operations: tuple[Operations, datetime]) -> Editions:
    made, between = operations
    return Editions(Operations(made.settings, as_of=between).publisher.publish, made.publisher.publish)


@pytest.fixture
def swapped(editions: Editions, tmp_path: Path) -> tuple[Path, Callable[[], None]]:
    """A published file without October, and what swaps in the one with it."""
    target = tmp_path / "warehouse.duckdb"
    editions.earlier(target)
    return target, partial(editions.later, target)


@pytest.fixture(scope="session")
def environment(warehouse: Path) -> dict[str, str]:
    """What a command of the product is started with."""
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": programs, "CDR_DATA_DIR": str(warehouse.parent)}
