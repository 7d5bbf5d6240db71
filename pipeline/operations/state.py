"""The values that the plan reads and returns: the state of a partition, the policy, and the action."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from pipeline.export.protocol import Export
from pipeline.months import Month
from pipeline.warehouse.records import Coverage, KnownExport

FILE_LATENESS = timedelta(minutes=10)
"""How long the file of a completed export may be missing before another export is requested."""

AFTER_TERMINATION = timedelta(hours=1)
"""How long no run loads an export after a user terminated one that was to load it."""

_FIRST_LOOK = timedelta(seconds=5)
"""The pause after the first look for a missing file; each later pause is as long as all pauses before it."""


@dataclass(frozen=True, order=True)
class Partition:
    """A month of a dataset."""

    dataset: str
    month: Month

    def __str__(self) -> str:
        return f"{self.dataset} {self.month}"


@dataclass(frozen=True)
class MissingFile:
    """A file that the vendor did not have: when it was looked for first and last, and how often."""

    first: datetime
    last: datetime
    looks: int = 1

    @property
    def lost(self) -> bool:
        """Whether it is missing for so long that another export is requested."""
        return self.last - self.first >= FILE_LATENESS

    @property
    def next_look(self) -> datetime:
        """When to look for it again: a vendor that still lists the export may restore the file at any time."""
        return self.last + max(_FIRST_LOOK, self.last - self.first)


@dataclass(frozen=True)
class Attempts:
    """The attempts to load one export: how many failed, and when a user terminated the last one."""

    failed: int = 0
    terminated: datetime | None = None

    def rests_until(self, now: datetime) -> datetime | None:
        """Return until when no attempt is made after a termination; None if one may be made.

        A termination far from ``now`` was recorded by a wrong clock, and is ignored.
        """
        ended = self.terminated
        return ended + AFTER_TERMINATION if ended and abs(now - ended) < AFTER_TERMINATION else None


@dataclass(frozen=True)
class LoadedExport:
    """The export that a month holds in the lake; without ``created_at`` the time of its creation is unknown."""

    export_id: str
    created_at: datetime | None = None


@dataclass(frozen=True)
class PartitionState:
    """Everything that is known of one partition.

    Args:
        partition: The dataset and month.
        coverage: Its row of the table ``coverage``: its state, what is loaded, when the vendor forgets it.
        months_kept: How many months the vendor keeps, with the running one; None for a vendor that keeps all.
        exports: Our exports in the vendor's list, oldest first; also empty if the list was not read.
        known: Every export that was requested or landed here, oldest first.
        loaded: The export that the lake holds.
        missing: The missing files, by export id.
        attempts: The attempts to load the exports that are ready, by export id.
        backlogged: Whether it waits until the vendor takes more requests.
        retained: Whether the settings allow keeping its calls.
        first: The first month that the settings want.
    """

    partition: Partition
    coverage: Coverage
    months_kept: int | None = None
    exports: tuple[Export, ...] = ()
    known: tuple[KnownExport, ...] = ()
    loaded: LoadedExport | None = None
    missing: Mapping[str, MissingFile] = field(default_factory=dict)
    attempts: Mapping[str, Attempts] = field(default_factory=dict)
    backlogged: bool = False
    retained: bool = True
    first: Month | None = None

    @property
    def newer(self) -> tuple[Export, ...]:
        """The exports that are newer than the loaded one."""
        loaded = self.loaded
        if loaded is None:
            return self.exports
        for at, export in enumerate(self.exports):
            if export.id == loaded.export_id:
                return self.exports[at + 1 :]
        return tuple(e for e in self.exports if loaded.created_at is None or e.created_at > loaded.created_at)

    def lost(self, export: Export) -> bool:
        """Return whether the export's file is missing for too long."""
        return export.id in self.missing and self.missing[export.id].lost

    def fetchable(self, export: Export, now: datetime) -> bool:
        """Return whether the export's file may be fetched now: it is ready, and was not missing a moment ago."""
        missing = self.missing.get(export.id)
        return export.ready and (missing is None or not missing.last <= now < missing.next_look)

    def newest_request(self, now: datetime) -> datetime | None:
        """Return the time of the newest request of the month; None if it was never requested.

        An export that ends before its month counts only while the month runs.
        """
        ended = now >= self.partition.month.end
        return max((one.created_at for one in self.known if one.whole or not ended), default=None)

    def unlisted(self) -> dict[str, datetime]:
        """Return the newest requested export and its time of creation, if it is neither listed nor landed."""
        shown = {self.loaded and self.loaded.export_id, *(export.id for export in self.exports)}
        newest = self.known[-1:]
        return {one.export_id: one.created_at for one in newest if one.export_id not in shown and not one.landed_at}


class Verb(Enum):
    """What can happen to a partition."""

    REQUEST = "request"
    LOAD = "load"
    WAIT = "wait"
    GIVE_UP = "give up"
    DONE = "done"


@dataclass(frozen=True)
class Action:
    """What to do now, and why.

    Args:
        verb: What to do.
        reason: Why, as a clause without a full stop.
        export: The export to load or to wait for; for a request, the export that failed, None for a scheduled request.
        looks: How often the export's file was looked for in vain.
    """

    verb: Verb
    reason: str
    export: Export | None = None
    looks: int = 0


class Due(Enum):
    """When a month is requested."""

    SCHEDULED = "daily while it runs, then 0, 1, 3, 7 and every other day after its end, until it is sealed"
    NOW = "at once, unless the loaded data covers it"
    FORCED = "at once, in any case"
    RETRIED = "when the last request gave no export"


@dataclass(frozen=True)
class Policy:
    """The parameters of the plan.

    Args:
        deadline: How long an export may take to complete.
        due: When a month is requested.
    """

    deadline: timedelta
    due: Due = Due.SCHEDULED
