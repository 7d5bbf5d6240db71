"""Let months expire: delete their calls when the first clock has run down, their sums when the second has.

What only adds up calls is taken out of the lake before the calls go, since it can never be made anew. What remains for
ever is what the pipeline knows of itself: which exports there were, with their totals and checksums.
"""

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass

import pyarrow.parquet as pq

from pipeline.errors import writing
from pipeline.holdings import Holdings
from pipeline.months import Month
from pipeline.privacy.personal import PERSONAL
from pipeline.storage import sync
from pipeline.warehouse.delta import PARTITION
from pipeline.warehouse.forgetting import drop, keep, kept_months, tables
from pipeline.warehouse.queries import Query, models


@dataclass(frozen=True)
class Expired:
    """What of a month is deleted: archived ``files``, and the rows of each table; ``sums`` are its aggregates."""

    month: str
    files: int
    rows: Mapping[str, int]
    sums: bool = False


def of_calls(query: Query) -> bool:
    """Whether a row of it is a call or shows a number, so that it goes with the calls."""
    return bool((PERSONAL | {"call_id"}) & query.columns.keys())


def due(holdings: Holdings) -> list[Expired]:
    """What the settings forbid to keep any more, oldest month first."""
    return [*_due_calls(holdings), *_due_sums(holdings)]


def _due_calls(holdings: Holdings) -> list[Expired]:
    return [_calls(holdings, month) for month in _held(holdings) if holdings.expired(Month.parse(month))]


def _due_sums(holdings: Holdings) -> list[Expired]:
    now = holdings.clock()
    sums: dict[str, dict[str, int]] = {}
    for table, months in kept_months(holdings.kept).items():
        for month, files in months.items():
            if holdings.clocks.sums_expired(Month.parse(month), now):
                sums.setdefault(month, {})[table] = sum(pq.read_metadata(file).num_rows for file in files)
    return [Expired(month, 0, rows, sums=True) for month, rows in sorted(sums.items())]


def expire(holdings: Holdings) -> list[Expired]:
    """Delete it, with all history, and publish what is left; killed anywhere, it goes on when it is called again."""
    calls = _due_calls(holdings)
    for one in calls:
        _delete_calls(holdings, one.month)
    sums = _due_sums(holdings)  # also of months whose calls have only just gone
    for one in sums:
        _delete_sums(holdings, one)
    found = [*calls, *sums]
    if found or holdings.shown_is_old():  # also where an earlier call was killed before it published
        holdings.publish()
    if found:
        holdings.forget([one.month for one in calls])
        _log(holdings, found)
    return found


def _held(holdings: Holdings) -> list[str]:
    """Every month of which there are calls on the disk, whether a snapshot shows them or not."""
    lakes = (holdings.lake.root, holdings.copies.root)
    made = (path.parent.name for root in lakes for path in root.glob(f"**/{PARTITION}=*/*"))
    landed = {str(month) for month in holdings.archive.months() if any(holdings.archive.files(str(month)))}
    return sorted({*landed, *(name.removeprefix(f"{PARTITION}=") for name in made)})


def _calls(holdings: Holdings, month: str) -> Expired:
    rows = {}
    for table in tables(holdings.lake):
        files = holdings.lake.files(table).get(month, [])
        if files:
            rows[table] = sum(pq.read_metadata(file).num_rows for file in files)
    return Expired(month, len(list(holdings.archive.files(month))), rows)


def _delete_calls(holdings: Holdings, month: str) -> None:
    # where a manifest says expired, the sums were kept before, and there may be too little left to make them
    begun = any(one.expired for one in holdings.archive.landed() if one.month == month)
    for query in () if begun else models():
        holdings.build(query, Month.parse(month))
        if query.schema == "marts" and not of_calls(query):
            keep(holdings.lake, query.name, month, holdings.kept)
    with ExitStack() as stack:
        for record_type in holdings.schemas:
            stack.enter_context(holdings.locked(f"{record_type}-{month}"))
        holdings.archive.expire(month)
        for lake in (holdings.lake, holdings.copies):
            for table in tables(lake):
                drop(lake, table, month)


def _delete_sums(holdings: Holdings, one: Expired) -> None:
    for table in one.rows:
        shutil.rmtree(holdings.kept / table / f"{PARTITION}={one.month}")
    holdings.report_file(Month.parse(one.month)).unlink(missing_ok=True)


def _log(holdings: Holdings, found: Iterable[Expired]) -> None:
    log = holdings.settings.cdr_data_dir / "expired.jsonl"
    with writing(log.name, log.parent):
        with log.open("a", encoding="utf-8") as out:
            out.writelines(_lines(holdings, found))
        sync(log)


def _lines(holdings: Holdings, found: Iterable[Expired]) -> Iterator[str]:
    for one in found:
        yield json.dumps({"at": holdings.clock().isoformat(), **asdict(one)}) + "\n"
