"""Let months expire: delete their calls after the first retention period, their sums after the second.

Marts that only add up calls are copied out of the lake before the calls are deleted: they could not be built again.
The pipeline's own records stay without limit: which exports there were, with their totals and checksums.
"""

import json
import shutil
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from datetime import timedelta

import pyarrow.parquet as pq

from pipeline.errors import PermanentError, TransientError, writing
from pipeline.export.protocol import ExportVendor
from pipeline.months import Month
from pipeline.operations.installation import Installation
from pipeline.operations.publish import Publisher
from pipeline.privacy.personal import PERSONAL
from pipeline.privacy.retention import clock_doubt
from pipeline.storage import sync
from pipeline.warehouse.delta import PARTITION
from pipeline.warehouse.history import drop_month, retain, retained_months
from pipeline.warehouse.queries import Query, models

MOST_MONTHS = 3
"""How many months one pass deletes without ``force``: one month expires per month, and passes run daily."""


@dataclass(frozen=True)
class Expired:
    """What is deleted of a month.

    Args:
        month: The month.
        files: The number of archived files.
        rows: The number of rows of each table.
        sums: Whether these rows are sums, not calls.
    """

    month: str
    files: int
    rows: Mapping[str, int]
    sums: bool = False


def of_calls(query: Query) -> bool:
    """Return whether a row of the mart is a call or shows a number, so that it is deleted with the calls."""
    return bool((PERSONAL | {"call_id"}) & query.columns.keys())


class Expirer:
    """Deletes what the settings no longer allow to keep.

    Args:
        place: The installation.
        publisher: Builds the sums that stay, and publishes what is left.
        vendors: The vendors by name; their clocks are compared with ours.
    """

    def __init__(self, place: Installation, publisher: Publisher, vendors: Mapping[str, ExportVendor]) -> None:
        self._place = place
        self._publisher = publisher
        self._vendors = vendors

    def due(self) -> list[Expired]:
        """Return what the settings no longer allow to keep, oldest month first."""
        return [*self._due_calls(), *self._due_sums()]

    def _due_calls(self) -> list[Expired]:
        return [self._calls(month) for month in self._held() if not self._place.retained(Month.parse(month))]

    def _due_sums(self) -> list[Expired]:
        place, now = self._place, self._place.clock()
        sums: dict[str, dict[str, int]] = {}
        for table, months in retained_months(place.kept).items():
            for month, files in months.items():
                if place.retention.aggregates_expired(Month.parse(month), now):
                    sums.setdefault(month, {})[table] = sum(pq.read_metadata(file).num_rows for file in files)
        return [Expired(month, 0, rows, sums=True) for month, rows in sorted(sums.items())]

    def refusal(self) -> str:
        """Return why nothing may be deleted now although something is due; empty if it may be.

        A deletion cannot be undone. So the clock must agree with the vendor's clock or with the archive. A pass over
        more than a few months needs ``force``.
        """
        place, months = self._place, {one.month for one in self.due()}
        if not months:
            return ""
        newest = max((one.created_at for one in (*place.archive.requested(), *place.archive.landed())), default=None)
        if why := clock_doubt(place.clock(), newest, self._skew()):
            return f"Nothing was deleted, because {why}; correct the clock, or run `cdr retain --force` if it is right."
        if len(months) > MOST_MONTHS:
            return (
                f"Nothing was deleted, because {len(months)} months at once are more than {MOST_MONTHS}; look at "
                "`cdr retain --dry-run`, and run `cdr retain --force` if that is intended."
            )
        return ""

    def _skew(self) -> timedelta | None:
        """Return the largest skew of a vendor's clock against ours now; None if no vendor can be reached."""
        found = []
        for vendor in self._vendors.values():
            with suppress(PermanentError, TransientError):
                vendor.exports()
            found.append(vendor.skew())
        return max((skew for skew in found if skew is not None), key=abs, default=None)

    def expire(self, *, force: bool = False) -> list[Expired]:
        """Delete what is due, with its history, and publish the rest; a later call continues after a kill.

        The published file never shows files that are gone: a file without the sums is published before they are
        deleted. Raises ``PermanentError`` with the ``refusal``, unless ``force``.
        """
        if not force and (why := self.refusal()):
            raise PermanentError(why)
        calls = self._due_calls()
        for one in calls:
            self._delete_calls(one.month)
        sums = self._due_sums()  # also of months whose calls have only just gone
        found = [*calls, *sums]
        if found or self._publisher.shown_is_old():  # also where an earlier call was killed before it published
            self._publisher.publish()
        if found:
            self._publisher.purge_history([one.month for one in calls])
            for one in sums:
                self._delete_sums(one)
            self._log(found)
        return found

    def _held(self) -> list[str]:
        """Return every month with calls on the disk, whether a snapshot shows them or not."""
        place = self._place
        made = (
            path.parent.name for lake in (place.lake, place.copies) for path in lake.root.glob(f"**/{PARTITION}=*/*")
        )
        landed = {str(month) for month in place.archive.months() if any(place.archive.files(str(month)))}
        return sorted({*landed, *(name.removeprefix(f"{PARTITION}=") for name in made)})

    def _calls(self, month: str) -> Expired:
        lake, rows = self._place.lake, {}
        for table in lake.tables():
            if files := lake.files(table).get(month, []):
                rows[table] = sum(pq.read_metadata(file).num_rows for file in files)
        return Expired(month, len(list(self._place.archive.files(month))), rows)

    def _delete_calls(self, month: str) -> None:
        place = self._place
        # a manifest that says expired: an earlier pass kept the sums, and calls to make them of may be missing
        begun = any(one.expired for one in place.archive.landed() if one.month == month)
        with self._publisher.builder() as builder:
            for query in () if begun else models():
                self._publisher.build(query, Month.parse(month), builder)
                if query.schema == "marts" and not of_calls(query):
                    retain(place.lake, query.name, month, place.kept)
        with ExitStack() as stack:
            for record_type in place.schemas:
                stack.enter_context(place.locked(f"{record_type}-{month}"))
            with writing(f"What is left after the calls of {month}", place.archive.root):
                place.archive.expire(month)
            for lake in (place.lake, place.copies):
                for table in lake.tables():
                    drop_month(lake, table, month)

    def _delete_sums(self, one: Expired) -> None:
        place = self._place
        with writing(f"What is left after the sums of {one.month}", place.kept):
            place.report_file(Month.parse(one.month)).unlink(missing_ok=True)
            for table in one.rows:
                shutil.rmtree(place.kept / table / f"{PARTITION}={one.month}")

    def _log(self, found: Iterable[Expired]) -> None:
        log, at = self._place.data / "expired.jsonl", self._place.clock().isoformat()
        with writing(log.name, log.parent):
            with log.open("a", encoding="utf-8") as out:
                out.writelines(json.dumps({"at": at, **asdict(one)}) + "\n" for one in found)
            sync(log)
