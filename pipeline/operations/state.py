"""What is known of one partition and what can happen to it, as values: the plan makes the one of the other."""

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
"""How long an export is left alone after a user terminated the run that was to load it."""

_FIRST_LOOK = timedelta(seconds=5)
"""How long after the first look a missing file is looked for again; each pause is as long as all before it."""


@dataclass(frozen=True, order=True)
class Partition:
    """A month of a dataset."""

    dataset: str
    month: Month

    def __str__(self) -> str:
        return f"{self.dataset} {self.month}"


@dataclass(frozen=True)
class MissingFile:
    """A file that was not there: when it was looked for first and last, and how often."""

    first: datetime
    last: datetime
    looks: int = 1

    @property
    def lost(self) -> bool:
        """Whether it was missing for so long that another export is requested."""
        return self.last - self.first >= FILE_LATENESS

    @property
    def next_look(self) -> datetime:
        """When to look for it again: a vendor that still lists the export may bring the file back at any time."""
        return self.last + max(_FIRST_LOOK, self.last - self.first)


@dataclass(frozen=True)
class Attempts:
    """The attempts to load one export: how many failed, and when a user terminated the last one."""

    failed: int = 0
    terminated: datetime | None = None

    def rests_until(self, now: datetime) -> datetime | None:
        """Return until when no attempt is made after a termination; None where one may be made.

        A termination far from ``now`` was noted by a wrong clock, and changes nothing.
        """
        ended = self.terminated
        return ended + AFTER_TERMINATION if ended and abs(now - ended) < AFTER_TERMINATION else None


@dataclass(frozen=True)
class LoadedExport:
    """The export that a month holds in the lake; ``created_at`` is None where that is not known."""

    export_id: str
    created_at: datetime | None = None


@dataclass(frozen=True)
class PartitionState:
    """Everything that is known of one partition.

    Args:
        partition: The dataset and month.
        coverage: Its row of the table ``coverage``: state, what is loaded, when the vendor forgets it.
        months_kept: How many months the vendor keeps, the running one among them; None where it forgets nothing.
        exports: Our exports in the vendor's list, oldest first; empty also where the list was not read.
        known: Every export that was requested or landed here, oldest first.
        loaded: The export that the lake holds.
        missing: The exports whose file was not there, by export id.
        attempts: The attempts to load the exports that are ready, by export id.
        backlogged: Whether it waits until the vendor takes more requests.
        retained: Whether the settings allow to keep its calls.
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
        """The exports that would bring more than what is loaded."""
        loaded = self.loaded
        if loaded is None:
            return self.exports
        for at, export in enumerate(self.exports):
            if export.id == loaded.export_id:
                return self.exports[at + 1 :]
        return tuple(e for e in self.exports if loaded.created_at is None or e.created_at > loaded.created_at)

    def lost(self, export: Export) -> bool:
        """Return whether the export's file was missing for too long."""
        return export.id in self.missing and self.missing[export.id].lost

    def fetchable(self, export: Export, now: datetime) -> bool:
        """Return whether its file may be fetched now: it is ready, and was not missing a moment ago."""
        missing = self.missing.get(export.id)
        return export.ready and (missing is None or not missing.last <= now < missing.next_look)

    def newest_request(self, now: datetime) -> datetime | None:
        """Return when the newest export was created that counts as a request of the month; None where there is none.

        An export that ends before its month does counts while the month runs, and no longer.
        """
        ended = now >= self.partition.month.end
        return max((one.created_at for one in self.known if one.whole or not ended), default=None)

    def unlisted(self) -> dict[str, datetime]:
        """Return the newest requested export, and when it was created, if the list lacks it and it is not loaded."""
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
        reason: Why, in words that follow the name of the month.
        export: The export to load or to wait for; of a request, the one that it replaces, None for a scheduled one.
        looks: How often the export's file was missing so far.
    """

    verb: Verb
    reason: str
    export: Export | None = None
    looks: int = 0


class Due(Enum):
    """When a month is requested."""

    SCHEDULED = "daily while it runs, then 0, 1, 3, 7 and every other day after its end, until it is sealed"
    NOW = "at once, unless what is loaded covers it"
    FORCED = "at once, in any case"
    RETRIED = "when nothing came of the last request"


@dataclass(frozen=True)
class Policy:
    """How the plan decides.

    Args:
        deadline: How long an export may take to complete.
        due: When a month is requested.
    """

    deadline: timedelta
    due: Due = Due.SCHEDULED
