"""DIDWW's exports: created, moved on by the clock, and removed a month after they complete."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pipeline.months import Month
from pipeline.sandbox.clock import Clock
from pipeline.sandbox.didww.ledger import Ledger, Snapshot
from pipeline.sandbox.didww.validation import Draft
from pipeline.sandbox.store import Store

PENDING = "pending"
PROCESSING = "processing"
COMPLETED = "completed"


@dataclass
class Export:
    """One export, created through ``version`` of the API, whose columns its file has.

    ``snapshot`` has the records of its file, and ``file_name`` is not its id.
    """

    export_type: str
    filters: dict[str, object]
    created_at: datetime
    snapshot: Snapshot
    processing_at: datetime | None
    completed_at: datetime | None
    version: str
    external_reference_id: str | None = None
    callback_url: str | None = None
    callback_method: str | None = None
    foreign: bool = False
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    file_name: str = field(default_factory=lambda: f"{uuid.uuid4()}.csv.gz")

    def status(self, now: datetime) -> str:
        """Return the status at that time; an export without ``completed_at`` never completes."""
        if self.completed_at is not None and now >= self.completed_at:
            return COMPLETED
        if self.processing_at is not None and now >= self.processing_at:
            return PROCESSING
        return PENDING

    def expired(self, now: datetime) -> bool:
        """Return whether the month after its completion is over."""
        return self.completed_at is not None and now >= _a_month_later(self.completed_at)


class ExportStore(Store[Export]):
    """The exports of the account, made of the ledger's records.

    Args:
        ledger: The records.
        clock: The vendor's clock.
        pending: How long an export is pending.
        processing: How long it is processed after that.
    """

    def __init__(self, ledger: Ledger, clock: Clock, pending: timedelta, processing: timedelta) -> None:
        super().__init__(clock)
        self._ledger, self._pending, self._processing = ledger, pending, processing

    def ordered(self, exports: Iterable[Export]) -> list[Export]:
        """Return the exports by id."""
        return sorted(exports, key=lambda export: export.id)

    def create(self, draft: Draft, version: str) -> Export:
        """Create an export of the records that exist now."""
        now = self.now()
        export = Export(
            export_type=draft.export_type,
            filters=draft.filters,
            created_at=now,
            snapshot=self._ledger.snapshot(draft.export_type, draft.from_, draft.to, now, draft.row_filters),
            processing_at=now + self._pending,
            completed_at=now + self._pending + self._processing,
            version=version,
            external_reference_id=draft.external_reference_id,
            callback_url=draft.callback_url,
            callback_method=draft.callback_method,
        )
        self.add(export)
        return export

    def find_file(self, file_name: str) -> Export | None:
        """Return the export whose file has that name, or None."""
        return next((export for export in self.all() if export.file_name == file_name), None)


def _a_month_later(moment: datetime) -> datetime:
    month = Month.of(moment).shift(1)
    last_day = (month.end - timedelta(days=1)).day
    return moment.replace(year=month.year, month=month.number, day=min(moment.day, last_day))
