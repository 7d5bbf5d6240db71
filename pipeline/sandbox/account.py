"""The exports of a local vendor's account: created, moved on by the clock, and removed at their end."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from functools import cached_property
from itertools import count, islice
from typing import Any

from pipeline.sandbox.clock import Clock
from pipeline.sandbox.store import Store
from pipeline.sandbox.traffic.rows import BEGAN, Records, Row


class Stage(Enum):
    """How far an export has come."""

    QUEUED = auto()
    PROCESSING = auto()
    DONE = auto()
    FAILED = auto()


@dataclass(frozen=True)
class Draft:
    """What a create request asks for.

    Args:
        resource: The vendor's word for what is exported.
        columns: The columns of the file.
        body: What was sent.
        start: The first time of the window; None for no limit.
        end: The first time after the window; None for no limit.
        window: The field that must lie in the window; empty for the time at which a record was made.
        limit: The most records; None for no limit.
        wanted: Which of these records the file holds, by their position from 0.
    """

    resource: str
    columns: tuple[str, ...]
    body: Mapping[str, Any]
    start: datetime | None = None
    end: datetime | None = None
    window: str = ""
    limit: int | None = None
    wanted: Callable[[int], bool] = lambda position: True


@dataclass
class Export:
    """One export.

    ``foreign`` ones belong to others in the account. An export without ``finished_at`` never finishes, and one without
    ``kept_until`` is kept forever.
    """

    id: str
    draft: Draft
    created_at: datetime
    records: Records
    processing_at: datetime
    finished_at: datetime | None
    kept_until: datetime | None = None
    foreign: bool = False
    fails: bool = False
    number: int = 0
    """Its position in the order of creation."""

    @property
    def resource(self) -> str:
        """The vendor's word for what is exported."""
        return self.draft.resource

    @property
    def body(self) -> Mapping[str, Any]:
        """What it was created with."""
        return self.draft.body

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """The records of its file: those that existed when it was created."""
        start, end = self.draft.start or BEGAN, self.draft.end or self.created_at
        rows = self.records.between(start, min(end, self.created_at), self.draft.window)
        return tuple(row for position, row in enumerate(islice(rows, self.draft.limit)) if self.draft.wanted(position))

    def stage(self, now: datetime) -> Stage:
        """Return the stage at that time."""
        if self.finished_at is not None and now >= self.finished_at:
            return Stage.FAILED if self.fails else Stage.DONE
        return Stage.PROCESSING if now >= self.processing_at else Stage.QUEUED

    def expired(self, now: datetime) -> bool:
        """Return whether the export is gone."""
        return self.kept_until is not None and now >= self.kept_until


class Account(Store[Export]):
    """The exports of an account, and the records that they are made of.

    Args:
        records: The records by resource.
        clock: The vendor's clock.
        pending: How long an export is queued.
        processing: How long it is processed after that.
        kept: How long it is kept after its creation; None for no limit.
    """

    def __init__(
        self,
        records: Mapping[str, Records],
        clock: Clock,
        pending: timedelta,
        processing: timedelta,
        kept: timedelta | None,
    ) -> None:
        super().__init__(clock)
        self._records = dict(records)
        self._pending, self._processing, self._lives = pending, processing, kept
        self._numbers = count(1)

    def ordered(self, exports: Iterable[Export]) -> list[Export]:
        """Oldest first."""
        return sorted(exports, key=lambda export: (export.created_at, export.number))

    def create(self, export_id: str, draft: Draft, created_at: datetime | None = None, **other: bool) -> Export:
        """Create an export of the records that exist now, or at ``created_at``; ``other`` are fields of ``Export``.

        Args:
            export_id: Its id.
            draft: What it asks for.
            created_at: The time of its creation; None for now.
            other: Fields of ``Export``.
        """
        at = created_at or self.now()
        export = Export(
            id=export_id,
            draft=draft,
            created_at=at,
            records=self._records[draft.resource],
            processing_at=at + self._pending,
            finished_at=at + self._pending + self._processing,
            kept_until=at + self._lives if self._lives else None,
            number=next(self._numbers),
            **other,
        )
        self.add(export)
        return export

    def between(self, resource: str, start: datetime, end: datetime, window: str = "") -> Iterator[Row]:
        """Return the records of a window as they are now.

        Args:
            resource: The vendor's word for what is exported.
            start: The first time of the window, with a zone.
            end: The first time after the window, with a zone.
            window: The field that must lie in the window; empty for the time at which a record was made.
        """
        return self._records[resource].between(start, min(end, self.now()), window)

    def records(self, resource: str) -> Records:
        """Return all records of a resource."""
        return self._records[resource]

    def add_records(self, resource: str, rows: tuple[Row, ...]) -> None:
        """Add late records: exports created from now on hold them, earlier ones do not."""
        records = self._records[resource]
        self._records[resource] = replace(records, added=(*records.added, *rows))
