"""What happens next to a month that was asked for: one pure function, for the sensor and for backfills alike."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from pipeline.export.plan import hopeless
from pipeline.export.protocol import Export

MAX_LOADS = 3
"""How often the landing and loading of one export may fail."""

AFTER_TERMINATION = timedelta(hours=1)
"""How long an export is left alone after a run that was to load it was terminated."""

FILE_LATENESS = timedelta(minutes=10)
"""How long the file of a completed export may be missing before another export is requested."""

_FIRST_LOOK = timedelta(seconds=5)
"""How long after the first look a missing file is looked for again; each pause is as long as all before it."""


class Verb(Enum):
    """What can happen to a month."""

    LOAD = "load"
    REQUEST = "request"
    WAIT = "wait"
    GIVE_UP = "give up"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Action:
    """What to do now, why, and with which export; ``looks`` is how often its file was missing so far."""

    verb: Verb
    reason: str
    export: Export | None = None
    looks: int = 0


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
    """What became of the attempts to load one export: how many failed, and when the last one was terminated."""

    failed: int = 0
    terminated: datetime | None = None

    def rests_until(self, now: datetime) -> datetime | None:
        """Until when none is made, because somebody terminated one; a clock that was wrong then changes nothing."""
        ended = self.terminated
        return ended + AFTER_TERMINATION if ended and abs(now - ended) < AFTER_TERMINATION else None


@dataclass(frozen=True)
class Held:
    """The export that a month holds; ``created_at`` is None where that is not known."""

    export_id: str
    created_at: datetime | None = None


@dataclass(frozen=True)
class MonthState:
    """What is known of one month: our ``exports`` in the vendor's list, oldest first, and what became of them."""

    exports: tuple[Export, ...]
    loaded: Held | None = None
    missing: Mapping[str, MissingFile] = field(default_factory=dict)

    @property
    def newer(self) -> tuple[Export, ...]:
        """The exports that would bring more than what is loaded, whatever has become of that one in the list."""
        loaded = self.loaded
        if loaded is None:
            return self.exports
        for at, export in enumerate(self.exports):
            if export.id == loaded.export_id:
                return self.exports[at + 1 :]
        return tuple(e for e in self.exports if loaded.created_at is None or e.created_at > loaded.created_at)

    def lost(self, export: Export) -> bool:
        """Whether the export's file was missing for too long."""
        return export.id in self.missing and self.missing[export.id].lost

    def to_look_for(self, export: Export, now: datetime) -> bool:
        """Whether its file may be fetched now: not where it was missing a moment ago."""
        missing = self.missing.get(export.id)
        return export.ready and (missing is None or not missing.last <= now < missing.next_look)


def plan(state: MonthState, now: datetime, deadline: timedelta, attempts: Callable[[str], Attempts]) -> Action:
    """What to do with a month now.

    The newest export that is ready is loaded, and an older one never over a newer. Where nothing will come of any
    export, another is requested; how often, the request itself decides.

    Args:
        state: What is known of the month.
        now: The instant to decide for.
        deadline: How long an export may take to complete.
        attempts: What became of the attempts at an export; it is called for the newest that is ready alone.
    """
    newer = _that_count(state, now, deadline)
    if not newer:
        return Action(Verb.NOTHING, "nothing is newer than what is loaded")
    ready = next((export for export in reversed(newer) if state.to_look_for(export, now)), None)
    if ready is None:
        return _without_loading(newer, state, now, deadline)
    tried = attempts(ready.id)
    if rests := tried.rests_until(now):
        return Action(Verb.WAIT, f"its run was terminated; the next begins after {rests:%H:%M:%S}", ready)
    missing = state.missing.get(ready.id)
    if missing or tried.failed < MAX_LOADS:
        return Action(Verb.LOAD, "ready", ready, missing.looks if missing else 0)
    return _without_loading(newer, state, now, deadline)


def _that_count(state: MonthState, now: datetime, deadline: timedelta) -> tuple[Export, ...]:
    """The exports newer than what is loaded; one of the same instant, whose order is not known, if it may come yet."""
    instants = {one.created_at for one in state.exports if state.loaded and one.id == state.loaded.export_id}
    return tuple(
        export
        for export in state.newer
        if export.created_at not in instants
        or export.created_at.year == 1  # the vendor does not say when
        or not (state.lost(export) or hopeless(export, now, deadline))
    )


def _without_loading(newer: tuple[Export, ...], state: MonthState, now: datetime, deadline: timedelta) -> Action:
    """What to do where nothing is ready, or where loading what is has failed too often."""
    newest = newer[-1]
    for export in reversed(newer):
        if not (state.to_look_for(export, now) or state.lost(export) or hopeless(export, now, deadline)):
            return Action(Verb.WAIT, _why_it_waits(state, export), export)
    if state.lost(newest):
        return Action(Verb.REQUEST, f"the file of export {newest.id} is gone", newest)
    if hopeless(newest, now, deadline):
        return Action(Verb.REQUEST, f"export {newest.id} is {newest.vendor_status} and brings nothing", newest)
    return Action(Verb.GIVE_UP, f"loading export {newest.id} failed {MAX_LOADS} times", newest)


def _why_it_waits(state: MonthState, export: Export) -> str:
    missing = state.missing.get(export.id)
    if missing is None:
        return export.vendor_status
    return f"its file is not there yet; looked for again after {missing.next_look:%H:%M:%S}"
