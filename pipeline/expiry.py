"""Let months expire: delete their calls when the first clock has run down, their sums when the second has.

What only adds up calls is taken out of the lake before the calls go, since it can never be made anew. What remains for
ever is what the pipeline knows of itself: which exports there were, with their totals and checksums.
"""

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from datetime import timedelta

import pyarrow.parquet as pq

from pipeline.errors import PermanentError, TransientError, writing
from pipeline.holdings import Holdings
from pipeline.months import Month
from pipeline.orders import Orders
from pipeline.privacy.clocks import doubt
from pipeline.privacy.personal import PERSONAL
from pipeline.storage import sync
from pipeline.warehouse.delta import PARTITION
from pipeline.warehouse.history import drop_month, retain, retained_months
from pipeline.warehouse.queries import Query, models

MOST_MONTHS = 3
"""How many months one pass deletes unasked: a month expires a month, and a pass is daily."""


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
    for table, months in retained_months(holdings.kept).items():
        for month, files in months.items():
            if holdings.clocks.sums_expired(Month.parse(month), now):
                sums.setdefault(month, {})[table] = sum(pq.read_metadata(file).num_rows for file in files)
    return [Expired(month, 0, rows, sums=True) for month, rows in sorted(sums.items())]


def refusal(orders: Orders) -> str:
    """Why nothing is to be deleted now, although something is due, in a sentence; empty where it may be.

    What is deleted cannot be brought back, so a clock must agree with the vendor's or with the archive, and a pass that
    would delete more than a few months must be meant.
    """
    months = {one.month for one in due(orders)}
    if not months:
        return ""
    newest = max((asked.created_at for asked in (*orders.archive.asked(), *orders.archive.landed())), default=None)
    if why := doubt(orders.clock(), newest, _skew(orders)):
        return f"Nothing was deleted, because {why}; correct the clock, or run `cdr retain --force` if it is right."
    if len(months) > MOST_MONTHS:
        return (
            f"Nothing was deleted, because {len(months)} months at once are more than {MOST_MONTHS}; look at "
            "`cdr retain --dry-run`, and run `cdr retain --force` if that is meant."
        )
    return ""


def _skew(orders: Orders) -> timedelta | None:
    """By how much a vendor's clock is ahead of ours now, of several the farthest; None where none can be asked."""
    found = []
    for vendor in orders.vendors.values():
        with suppress(PermanentError, TransientError):
            vendor.exports()
        found.append(vendor.skew())
    return max((skew for skew in found if skew is not None), key=abs, default=None)


def expire(orders: Orders, *, force: bool = False) -> list[Expired]:
    """Delete it, with all history, and publish what is left; killed anywhere, it goes on when it is called again.

    What is published never outlives the files that it shows: of sums it is published first that they are gone. Raises
    ``PermanentError`` with the ``refusal`` of this, unless ``force``.
    """
    if not force and (why := refusal(orders)):
        raise PermanentError(why)
    calls = _due_calls(orders)
    for one in calls:
        _delete_calls(orders, one.month)
    sums = _due_sums(orders)  # also of months whose calls have only just gone
    found = [*calls, *sums]
    if found or orders.shown_is_old():  # also where an earlier call was killed before it published
        orders.publish()
    if found:
        orders.forget([one.month for one in calls])
        for one in sums:
            _delete_sums(orders, one)
        _log(orders, found)
    return found


def _held(holdings: Holdings) -> list[str]:
    """Every month of which there are calls on the disk, whether a snapshot shows them or not."""
    lakes = (holdings.lake.root, holdings.copies.root)
    made = (path.parent.name for root in lakes for path in root.glob(f"**/{PARTITION}=*/*"))
    landed = {str(month) for month in holdings.archive.months() if any(holdings.archive.files(str(month)))}
    return sorted({*landed, *(name.removeprefix(f"{PARTITION}=") for name in made)})


def _calls(holdings: Holdings, month: str) -> Expired:
    rows = {}
    for table in holdings.lake.tables():
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
            retain(holdings.lake, query.name, month, holdings.kept)
    with ExitStack() as stack:
        for record_type in holdings.schemas:
            stack.enter_context(holdings.locked(f"{record_type}-{month}"))
        with writing(f"What is left after the calls of {month}", holdings.archive.root):
            holdings.archive.expire(month)
        for lake in (holdings.lake, holdings.copies):
            for table in lake.tables():
                drop_month(lake, table, month)


def _delete_sums(holdings: Holdings, one: Expired) -> None:
    with writing(f"What is left after the sums of {one.month}", holdings.kept):
        holdings.report_file(Month.parse(one.month)).unlink(missing_ok=True)
        for table in one.rows:
            shutil.rmtree(holdings.kept / table / f"{PARTITION}={one.month}")


def _log(holdings: Holdings, found: Iterable[Expired]) -> None:
    log = holdings.settings.cdr_data_dir / "expired.jsonl"
    with writing(log.name, log.parent):
        with log.open("a", encoding="utf-8") as out:
            out.writelines(_lines(holdings, found))
        sync(log)


def _lines(holdings: Holdings, found: Iterable[Expired]) -> Iterator[str]:
    for one in found:
        yield json.dumps({"at": holdings.clock().isoformat(), **asdict(one)}) + "\n"
