"""What to request for a month, and which export of the list serves a request already: pure functions."""

from collections.abc import Container, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import chain, count

from pipeline.dataset import Dataset
from pipeline.errors import PermanentError
from pipeline.export.protocol import Export, Request, Status
from pipeline.months import Month

SETTLE_DAYS = (0, 1, 3, 7)
"""Days after its end on which a finished month is requested again: late records are still written."""

REST_DAYS = 2
"""Days between two requests after that: as far apart as two exports must be to seal a month."""

MAX_REQUESTS = 3
"""How often one snapshot of a month is requested when its exports never complete."""

CLOCK_MARGIN = timedelta(seconds=5)
"""Windows end at least so long before now: the vendor's clock may be behind ours, or its answer delayed."""

_A_DAY = timedelta(days=1)
_REFERENCE_LENGTH = 100
_LONGEST_SNAPSHOT = len("/2026-11/20261121T120000.9")


def series(installation: str, dataset: Dataset, longest: int = 0) -> str:
    """Return the prefix of a dataset's references, or its fingerprint if references would exceed ``longest``.

    Args:
        installation: The name of the installation.
        dataset: The dataset.
        longest: How many characters of a reference the vendor carries; 0 for a vendor that carries no reference.
    """
    text = f"cdr/{installation}/{dataset.name}"
    # a vendor that carries no reference today may do so later, so its references are built alike
    fits = len(text) + _LONGEST_SNAPSHOT <= (longest or _REFERENCE_LENGTH)
    return text if fits else f"cdr/{sha256(text.encode()).hexdigest()[:16]}"


def not_begun(month: Month, now: datetime) -> str:
    """Return why a month that has not begun cannot be requested; empty for one that has begun."""
    if now - CLOCK_MARGIN <= month.start:
        return f"{month} has not begun, so it cannot be requested; request it once it is running."
    return ""


def request_for(begin: str, dataset: Dataset, month: Month, now: datetime, *, force_new: bool = False) -> Request:
    """Return the request that fits the month at ``now``: up to now for a running month, else the whole month.

    The reference is deterministic, so that the request is found again after a crash: a month requested twice in one
    settle step is the same request. Raises ``PermanentError`` for a month that has not begun.

    Args:
        begin: The prefix of the dataset's references, which ``series`` returns.
        dataset: The dataset.
        month: The month.
        now: The slower of the vendor's time and ours, aware.
        force_new: Request a snapshot of this minute.
    """
    if why := not_begun(month, now):
        raise PermanentError(why)
    end = min(month.end, (now - CLOCK_MARGIN).replace(microsecond=0))
    whole = f"{now:%Y%m%dT%H%M}" if force_new else f"day{settle_step(month, now)}"
    snapshot = f"{end:%Y%m%dT%H%M%S}" if end < month.end else whole
    return Request(dataset, month, month.start, end, f"{begin}/{month}/{snapshot}")


def settle_step(month: Month, now: datetime) -> int:
    """Return the newest day after the month's end on which it is requested: 0, 1, 3, 7, then every other day."""
    days = max(0, (now - month.end).days)
    last = SETTLE_DAYS[-1]
    return days - (days - last) % REST_DAYS if days > last else max(day for day in SETTLE_DAYS if day <= days)


def of_month(begin: str, month: Month, listed: Iterable[Export]) -> list[Export]:
    """Return our exports of one month among those that may be of the dataset, oldest first.

    Args:
        begin: The prefix of the dataset's references, which ``series`` returns.
        month: The month; the window of its exports begins with it.
        listed: The exports of the list.
    """
    prefix = f"{begin}/{month}/"
    ours = [
        export
        for export in listed
        if (export.reference or "").startswith(prefix)
        and export.start == month.start
        and export.end is not None
        and export.end <= month.end
    ]
    return sorted(ours, key=lambda export: (export.created_at, export.id))


def overdue(export: Export, now: datetime, deadline: timedelta) -> bool:
    """Return whether an export that is not ready takes longer than the deadline.

    Args:
        export: The export.
        now: The time, aware.
        deadline: How long an export may take to complete.
    """
    known_age = export.created_at.year > 1  # the vendor may give no time of creation
    return known_age and not export.ready and now - export.created_at > deadline


def hopeless(export: Export, now: datetime, deadline: timedelta) -> bool:
    """Return whether an export has failed or is overdue, so that another is requested.

    Args:
        export: The export.
        now: The time, aware.
        deadline: How long an export may take to complete.
    """
    return export.status is Status.FAILED or overdue(export, now, deadline)


def serving(
    request: Request,
    ours: Iterable[Export],
    now: datetime,
    deadline: timedelta,
    lost: Container[str] = (),
    unloaded: Container[str] = (),
) -> Export | Request:
    """Return the export that serves ``request`` already, or the request to send.

    An export serves if it has the same snapshot, or if it is pending or unloaded and covers as much. An export that
    failed, is overdue or lost its file does not serve. Its request is sent again under another reference, at most
    ``MAX_REQUESTS`` times in all; then ``PermanentError`` is raised.

    Args:
        request: What is wanted.
        ours: Our exports of the month, oldest first.
        now: The time of the decision, aware.
        deadline: How long an export may take to complete.
        lost: Ids of exports whose file is missing for good.
        unloaded: Ids of ready exports that wait to be loaded.
    """
    exports = list(ours)
    alive = [e for e in exports if e.id not in lost and not hopeless(e, now, deadline)]
    serves = [
        e for e in alive if _same(e, request) or ((not e.ready or e.id in unloaded) and _brings_as_much(e, request))
    ]
    if serves:
        return serves[-1]
    dead = [e for e in exports if e not in alive]
    given_up = sum(_same(e, request) or now - e.created_at < _A_DAY for e in dead)
    if given_up >= MAX_REQUESTS:
        raise PermanentError(
            f"{given_up} exports failed, did not complete within the deadline, or lost their file; "
            "ask the vendor's support, or raise CDR_EXPORT_DEADLINE_HOURS."
        )
    taken = {export.reference for export in exports}
    suffixes = chain([""], (f".{number}" for number in count(2)))
    free = next(name for suffix in suffixes if (name := request.reference + suffix) not in taken)
    return replace(request, reference=free)


def waiting(ours: Iterable[Export], loaded: str | None, now: datetime) -> set[str]:
    """Return the id of the newest export, if it is ready, not loaded and less than a day old; else an empty set.

    Args:
        ours: Our exports of the month, oldest first.
        loaded: The id of the export that the lake holds.
        now: The time, aware.
    """
    newest = list(ours)[-1:]
    return {e.id for e in newest if e.ready and e.id != loaded and now - e.created_at < _A_DAY}


def _brings_as_much(export: Export, request: Request) -> bool:
    """Return whether an export covers the request: any does for a running month, only a whole one afterwards."""
    return export.end == request.end or request.end < request.month.end


def _same(export: Export, request: Request) -> bool:
    reference = export.reference or ""
    return reference == request.reference or reference.startswith(request.reference + ".")
