"""Decisions about requests, as pure functions: what to ask for, when, and what serves already."""

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
"""Days after its end on which a finished month is asked for again: late records are still written."""

_REST_DAYS = 2
"""Days between two asks after that: as far apart as two exports must be to seal a month."""

MAX_ASKS = 3
"""How often one snapshot of a month is asked for when its exports never complete."""

CLOCK_MARGIN = timedelta(seconds=5)
"""What no window ends nearer to now than: so far the vendor's clock may be behind ours, or its answer under way."""

_A_DAY = timedelta(days=1)
_ROOM = 100
_LONGEST_SNAPSHOT = len("/2026-11/20261121T120000.9")


def vendor_drops(month: Month, months_kept: int | None) -> datetime | None:
    """The instant at which a vendor that keeps so many months forgets this one; None where it forgets nothing."""
    return month.shift(months_kept).start if months_kept else None


def askable(months: Iterable[Month], now: datetime, months_kept: int | None) -> tuple[list[Month], list[str]]:
    """The months that the vendor can be asked for at ``now``, and a sentence for each that it cannot."""
    possible, refused = [], []
    for month in months:
        dropped = vendor_drops(month, months_kept)
        if dropped and now >= dropped:
            refused.append(f"The vendor forgot {month} on {dropped:%Y-%m-%d}: it cannot be asked for.")
        elif now - CLOCK_MARGIN <= month.start:
            refused.append(f"{month} has not begun, so it cannot be asked for; ask once it is running.")
        else:
            possible.append(month)
    return possible, refused


def series(installation: str, dataset: Dataset, longest: int = 0) -> str:
    """How the references of a dataset begin; a print of that where a vendor's ``longest`` leaves no room for more."""
    text = f"cdr/{installation}/{dataset.name}"
    # where nothing is carried as where much is: what is served may change
    fits = len(text) + _LONGEST_SNAPSHOT <= (longest or _ROOM)
    return text if fits else f"cdr/{sha256(text.encode()).hexdigest()[:16]}"


def request_for(begin: str, dataset: Dataset, month: Month, now: datetime, *, again: bool = False) -> Request:
    """The request that fits the month at ``now``: up to now for a running month, else the whole.

    The reference, after what its ``series`` begins with, is deterministic: the same month asked for in the same step
    of its life is the same request, so it is found again after any crash. Raises ``PermanentError`` for a month that
    has not begun. ``again`` asks for a snapshot of this very minute.
    """
    if refused := askable([month], now, months_kept=None)[1]:
        raise PermanentError(refused[0])
    end = min(month.end, (now - CLOCK_MARGIN).replace(microsecond=0))
    whole = f"{now:%Y%m%dT%H%M}" if again else f"day{settle_step(month, now)}"
    snapshot = f"{end:%Y%m%dT%H%M%S}" if end < month.end else whole
    return Request(dataset, month, month.start, end, f"{begin}/{month}/{snapshot}")


def settle_step(month: Month, now: datetime) -> int:
    """The newest day after the month's end on which it is asked for anew: 0, 1, 3, 7 and then every other day."""
    days = max(0, (now - month.end).days)
    last = SETTLE_DAYS[-1]
    return days - (days - last) % _REST_DAYS if days > last else max(day for day in SETTLE_DAYS if day <= days)


def of_month(begin: str, month: Month, held: Iterable[Export]) -> list[Export]:
    """Our exports of one month among those that may be of the dataset, oldest first.

    Told by the reference, and by a window that begins the month.
    """
    prefix = f"{begin}/{month}/"
    ours = [
        export
        for export in held
        if (export.reference or "").startswith(prefix)
        and export.start == month.start
        and export.end is not None
        and export.end <= month.end
    ]
    return sorted(ours, key=lambda export: (export.created_at, export.id))


def overdue(export: Export, now: datetime, deadline: timedelta) -> bool:
    """Whether an export that is not ready has taken longer than we wait."""
    known_age = export.created_at.year > 1  # the vendor may leave out when it was created
    return known_age and not export.ready and now - export.created_at > deadline


def hopeless(export: Export, now: datetime, deadline: timedelta) -> bool:
    """Whether nothing will come of it: the vendor says so, or we have waited long enough."""
    return export.status is Status.FAILED or overdue(export, now, deadline)


def serving(
    request: Request,
    ours: Iterable[Export],
    now: datetime,
    deadline: timedelta,
    lost: Container[str] = (),
    waiting: Container[str] = (),
) -> Export | Request:
    """The export that already serves ``request``, or the request to send.

    Serving are the newest export that is under way or ``waiting`` to be loaded, and one that is ready and has the
    same snapshot. Exports that never completed, and those whose file is ``lost``, are asked for again, under a
    reference of their own, ``MAX_ASKS`` times in all.
    """
    exports = list(ours)
    alive = [e for e in exports if e.id not in lost and not hopeless(e, now, deadline)]
    serves = [
        e for e in alive if _same(e, request) or ((not e.ready or e.id in waiting) and _brings_as_much(e, request))
    ]
    if serves:
        return serves[-1]
    dead = [e for e in exports if e not in alive]
    given_up = sum(_same(e, request) or now - e.created_at < _A_DAY for e in dead)
    if given_up >= MAX_ASKS:
        raise PermanentError(
            f"{given_up} exports failed, did not complete within the deadline, or lost their file; "
            "ask the vendor's support, or raise CDR_EXPORT_DEADLINE_HOURS."
        )
    taken = {export.reference for export in exports}
    suffixes = chain([""], (f".{number}" for number in count(2)))
    free = next(name for suffix in suffixes if (name := request.reference + suffix) not in taken)
    return replace(request, reference=free)


def waiting(ours: Iterable[Export], loaded: str | None, now: datetime) -> set[str]:
    """The newest export, if it is ready, was not loaded and is less than a day old: no other need be asked for."""
    newest = list(ours)[-1:]
    return {e.id for e in newest if e.ready and e.id != loaded and now - e.created_at < _A_DAY}


def covers(until: datetime | None, month: Month, now: datetime) -> bool:
    """Whether a month that is loaded ``until`` then lacks nothing that can be asked for.

    That is all of a month that has ended, and a running one up to a day ago.
    """
    ended = now - CLOCK_MARGIN >= month.end
    return until is not None and until >= (month.end if ended else now - _A_DAY)


def due(month: Month, now: datetime, *, sealed: bool, newest_ask: datetime | None, months_kept: int | None) -> bool:
    """Whether the schedule should ask for the month: daily while it runs, then at each settle step until sealed."""
    if sealed or not askable([month], now, months_kept)[0]:
        return False
    if newest_ask is None:
        return True
    if now < month.end:
        return newest_ask.date() < now.date()
    step = settle_step(month, now)
    rested = step <= SETTLE_DAYS[-1] or (now.date() - newest_ask.date()).days >= _REST_DAYS
    return rested and newest_ask < month.end + timedelta(days=step)


def _brings_as_much(export: Export, request: Request) -> bool:
    """Whether it covers the request: any export of a month does while the month still runs, then only a whole one."""
    return export.end == request.end or request.end < request.month.end


def _same(export: Export, request: Request) -> bool:
    reference = export.reference or ""
    return reference == request.reference or reference.startswith(request.reference + ".")
