"""A local vendor and a data directory for scenes that need both."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import SecretStr

from pipeline.export.protocol import Export
from pipeline.months import Month
from pipeline.operations.wiring import Operations
from pipeline.sandbox import ManualClock, Sandbox
from pipeline.settings import Settings

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MONTHS = [Month(2026, 9), Month(2026, 10), Month(2026, 11)]


@contextmanager
def vendor(data: Path, *, foreign: int = 0) -> Iterator[tuple[Sandbox, Operations]]:
    """A vendor with so many exports of other people, and a operations over ``data``; its clock stands still."""
    clock, at_once = ManualClock(NOW), timedelta(0)
    with Sandbox(
        clock=clock, pending=at_once, processing=at_once, rate_limit=None, foreign=foreign, calls_per_day=12
    ) as sandbox:
        settings = Settings(
            didww_api_key=SecretStr(sandbox.api_key), didww_api_url=sandbox.url, cdr_data_dir=data, _env_file=None
        )
        yield sandbox, Operations(settings, clock=clock)


def asked(operations: Operations, months: Iterable[Month] = MONTHS) -> list[tuple[str, Month, Export]]:
    """Every month of both record types, asked for and ready."""
    wanted = [(name, month) for name in operations.settings.cdr_record_types for month in months]
    for record_type, month in wanted:
        operations.requester.request(record_type, [month]).all()
    listed = operations.listings.read("didww")
    return [(name, month, operations.listings.ours(name, month, listed)[-1]) for name, month in wanted]


def bring_in(operations: Operations, record_type: str, month: Month, export: Export) -> None:
    """Land and load it: the work without what runs it."""
    operations.lander.land(record_type, month, export)
    operations.loader.load(record_type, month)
