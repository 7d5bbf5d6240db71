"""The exports that exist: created, moved on by the clock, and gone a month after they complete."""

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from pipeline.months import Month
from pipeline.sandbox.ledger import Ledger, Snapshot
from pipeline.sandbox.validation import Draft

PENDING = "pending"
PROCESSING = "processing"
COMPLETED = "completed"

Clock = Callable[[], datetime]


@dataclass
class Export:
    """One export; ``file_name`` is not its id, and ``snapshot`` is what its file holds.

    It was created through ``version`` of the API, whose columns its file has.
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
        """Where the clock has brought it; an export without a moment of completion never gets there."""
        if self.completed_at is not None and now >= self.completed_at:
            return COMPLETED
        if self.processing_at is not None and now >= self.processing_at:
            return PROCESSING
        return PENDING

    def expired(self, now: datetime) -> bool:
        """Whether the month after its completion is over."""
        return self.completed_at is not None and now >= _a_month_later(self.completed_at)


class ExportStore:
    """All exports of the account, one's own and other people's."""

    def __init__(self, ledger: Ledger, clock: Clock, pending: timedelta, processing: timedelta) -> None:
        self._ledger = ledger
        self._clock = clock
        self._pending = pending
        self._processing = processing
        self._exports: dict[str, Export] = {}
        self._lock = threading.Lock()

    def create(self, draft: Draft, version: str) -> Export:
        """A new export whose rows are those that exist at this moment."""
        with self._lock:
            now = self.now()
            export = Export(
                export_type=draft.export_type,
                filters=draft.filters,
                created_at=now,
                snapshot=self._ledger.snapshot(draft.export_type, draft.from_, draft.to, now, draft.narrowing),
                processing_at=now + self._pending,
                completed_at=now + self._pending + self._processing,
                version=version,
                external_reference_id=draft.external_reference_id,
                callback_url=draft.callback_url,
                callback_method=draft.callback_method,
            )
            self._exports[export.id] = export
        return export

    def add(self, export: Export) -> None:
        """Put an export of somebody else into the list."""
        with self._lock:
            self._exports[export.id] = export

    def remove(self, export: Export) -> None:
        """Take an export out of the list, as if it had expired."""
        with self._lock:
            self._exports.pop(export.id, None)

    def now(self) -> datetime:
        """The vendor's clock, in UTC."""
        return self._clock().astimezone(UTC)

    def all(self) -> list[Export]:
        """Every export that has not expired, by id: the vendor's order when none is asked for."""
        now = self.now()
        with self._lock:
            return sorted(
                (export for export in self._exports.values() if not export.expired(now)),
                key=lambda export: export.id,
            )

    def own(self) -> list[Export]:
        """The exports that were created here and have not expired, in that order."""
        now = self.now()
        with self._lock:
            return [e for e in self._exports.values() if not e.foreign and not e.expired(now)]

    def find(self, export_id: str) -> Export | None:
        """The export of that id, unless it never was or is no more."""
        with self._lock:
            export = self._exports.get(export_id)
        return None if export is None or export.expired(self.now()) else export

    def find_file(self, file_name: str) -> Export | None:
        """The export whose file has that name."""
        return next((export for export in self.all() if export.file_name == file_name), None)


def _a_month_later(moment: datetime) -> datetime:
    month = Month.of(moment).shift(1)
    last_day = (month.end - timedelta(days=1)).day
    return moment.replace(year=month.year, month=month.number, day=min(moment.day, last_day))
