"""The exports of a local vendor's account: created, moved on by the clock, and gone when they are kept no longer."""

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
    """How far an export has come; each vendor has its own words for it."""

    QUEUED = auto()
    PROCESSING = auto()
    DONE = auto()
    FAILED = auto()


@dataclass(frozen=True)
class Draft:
    """What a create body asks for: records of ``resource`` whose ``window`` lies in [start, end), and which columns.

    None is no limit on that side, and ``window`` empty is when records came to be; there are at most ``limit`` of them.
    ``body`` is what was sent.
    """

    resource: str
    columns: tuple[str, ...]
    body: Mapping[str, Any]
    start: datetime | None = None
    end: datetime | None = None
    window: str = ""
    limit: int | None = None
    wanted: Callable[[int], bool] = lambda place: True
    """Which of these, by their places from 0, the file holds."""


@dataclass
class Export:
    """One export; ``foreign`` ones are other people's, and one without a moment of completion never gets there.

    ``kept_until`` is when it is gone, None for never.
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
    """Its place in the order of creation."""

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
        """The records that its file holds: those that there were when it was created."""
        start, end = self.draft.start or BEGAN, self.draft.end or self.created_at
        rows = self.records.between(start, min(end, self.created_at), self.draft.window)
        return tuple(row for place, row in enumerate(islice(rows, self.draft.limit)) if self.draft.wanted(place))

    def stage(self, now: datetime) -> Stage:
        """Where the clock has brought it."""
        if self.finished_at is not None and now >= self.finished_at:
            return Stage.FAILED if self.fails else Stage.DONE
        return Stage.PROCESSING if now >= self.processing_at else Stage.QUEUED

    def expired(self, now: datetime) -> bool:
        """Whether it is kept no longer."""
        return self.kept_until is not None and now >= self.kept_until


class Account(Store[Export]):
    """All exports there are, and the records that they are made of."""

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
        """A new export of the records that exist at this moment, or at an earlier one; ``other``: as of ``Export``."""
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
        """The records of a window as they are now."""
        return self._records[resource].between(start, min(end, self.now()), window)

    def records(self, resource: str) -> Records:
        """All records of a resource."""
        return self._records[resource]

    def add_records(self, resource: str, rows: tuple[Row, ...]) -> None:
        """Let records arrive late: exports created from now on hold them, earlier ones do not."""
        records = self._records[resource]
        self._records[resource] = replace(records, added=(*records.added, *rows))
