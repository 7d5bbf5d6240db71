"""Ask for months exactly once, whatever happened before."""

import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pipeline.dataset import Dataset
from pipeline.errors import BusyError, PermanentError, TransientError
from pipeline.export.outbox import Outbox, Sent
from pipeline.export.plan import of_month, series, serving, waiting
from pipeline.export.protocol import Export, ExportVendor, Listing, Request
from pipeline.export.recognising import Note, Notes, alike, completed, of_dataset, recognised
from pipeline.months import Month

_PAUSE_SECONDS = 0.5
_A_DAY = timedelta(days=1)
_LIST_LAG = timedelta(seconds=30)
"""How long the vendor's list may not show yet what was created, although it seems whole."""


class _InDoubtError(TransientError):
    """A list that is not whole may hide what was asked for already, so nothing is asked for now."""


@dataclass(frozen=True)
class Asked:
    """What serves a request, and whether it was created for it or found in the vendor's list.

    ``sent`` is the request under the reference that the export has.
    """

    request: Request
    export: Export
    created: bool
    sent: Request


@dataclass(frozen=True)
class Asker:
    """Who asks for what: the installation, the vendor and the dataset; what time it is, how long exports may take.

    ``lost`` are exports without their file. ``loaded`` is the export that each month holds. Unless ``again``, one that
    is ready and not loaded yet serves. ``notes`` tells what we know of exports that we asked for, ``asked`` which of
    those are of a month and when each was created, ``rivals`` whether another dataset's POST of the same resource may
    be on its way.
    """

    installation: str
    vendor: ExportVendor
    dataset: Dataset
    now: datetime
    deadline: timedelta
    lost: Container[str] = ()
    loaded: Mapping[str, str] = field(default_factory=dict)
    again: bool = False
    notes: Notes = lambda ids: {}
    rivals: Callable[[], bool] = lambda: False
    asked: Callable[[Month], Mapping[str, datetime]] = lambda month: {}

    def listed(self) -> Listing:
        """The exports of the vendor's list that may be of the dataset, ours with their references."""
        found = recognised(self.vendor.exports(), self.notes)
        return Listing(of_dataset(self.vendor, self.dataset, found), found.doubt)

    def hidden(self, month: Month, listed: Listing) -> str:
        """Why the list may only fail to show an export of the month that we asked for; empty where it shows them all.

        It may lag behind for a moment, and for a day where it is in doubt.
        """
        seen = {export.id for export in listed}
        ages = [abs(self.now - created) for name, created in self.asked(month).items() if name not in seen]
        youngest = min(ages, default=_A_DAY)
        if youngest < _LIST_LAG:
            return listed.doubt or "the list does not show yet what was asked for a moment ago; try again later."
        return listed.doubt if youngest < _A_DAY else ""

    def serving(self, request: Request, listed: Sequence[Export]) -> Export | Request:
        """What in the list serves the request, or the request to send.

        Raises ``PermanentError`` where the reference stands in the list for something else: asking under it again
        and again would bring nothing.
        """
        begin = series(self.installation, self.dataset, self.vendor.reference_length)
        ours = of_month(begin, request.month, listed)
        fresh = set() if self.again else waiting(ours, self.loaded.get(str(request.month)), self.now)
        found = serving(request, ours, self.now, self.deadline, self.lost, fresh)
        if isinstance(found, Request) and any(export.reference == found.reference for export in listed):
            raise PermanentError(
                f"The vendor lists an export under our reference {found.reference} that is not what it says; "
                "set CDR_INSTALLATION to another name."
            )
        return found


Remember = Callable[[Export, Request], None]
"""Note which export was created for a request, or found to be its."""


def ensure_asked(asker: Asker, requests: Iterable[Request], outbox: Outbox, remember: Remember) -> Iterator[Asked]:
    """Yield the export that serves each request, as soon as it is sure, and noted.

    The vendor's list comes first, once for all: what it has is adopted, and what a killed process sent is waited
    for. A POST whose answer was lost may have been heard, so the list is read again before anyone may repeat it.
    A month that is refused keeps no other: what was refused is raised in the end, as one ``PermanentError``.
    """
    began = time.monotonic()
    listed = _after_arrival(asker, outbox, remember)
    refused: dict[Month, Exception] = {}
    count = 0
    for request in requests:
        count += 1
        at = asker.now + timedelta(seconds=time.monotonic() - began) + (asker.vendor.skew() or timedelta(0))
        try:
            asked = _ensured(asker, request, listed, outbox, at)
        except (PermanentError, _InDoubtError) as error:
            refused[request.month] = error
            continue
        remember(asked.export, asked.sent)
        if asked.created:
            outbox.clear()
            listed = Listing([*listed, asked.export], listed.doubt)
        yield asked
    if refused:
        told = (f"{month}: {why}" if count > 1 else str(why) for month, why in refused.items())
        family = PermanentError if any(isinstance(why, PermanentError) for why in refused.values()) else TransientError
        raise family(" ".join(told))


def _ensured(asker: Asker, request: Request, listed: Listing, outbox: Outbox, at: datetime) -> Asked:
    """What serves the request: an export of the list, or the one that a POST at this instant creates."""
    found = asker.serving(request, listed)
    if not isinstance(found, Request):
        return Asked(request, found, created=False, sent=request)
    if hidden := asker.hidden(request.month, listed):
        raise _InDoubtError(f"{request.month} is not asked for now, as it may be already: {hidden}")
    outbox.note(found, at, carried=asker.vendor.reference_length > 0)
    return Asked(request, _sent(asker, found, outbox), created=True, sent=found)


def _sent(asker: Asker, request: Request, outbox: Outbox) -> Export:
    """The export that a POST created, even where its answer was lost: then the note stands until that is sure."""
    try:
        return completed(asker.vendor.request(request), Note(request.reference, request.start, request.end))
    except (BusyError, PermanentError):
        outbox.clear()
        raise
    except TransientError:
        sent = outbox.left()
        found = _found(asker, sent, asker.listed()) if sent else None
        if found is None:
            raise
        return found


def _after_arrival(asker: Asker, outbox: Outbox, remember: Remember) -> Listing:
    """The list, once it shows what a killed process was sending, or that can arrive no more."""
    listed = asker.listed()
    sent = outbox.left()
    if sent is None:
        return listed
    end = time.monotonic() + outbox.seconds_left()
    while (found := _found(asker, sent, listed)) is None and time.monotonic() < end:
        time.sleep(_PAUSE_SECONDS)
        listed = asker.listed()
    if found is not None:
        note = sent.note
        remember(found, Request(asker.dataset, sent.month, note.start, note.end, note.reference))
        listed = Listing((found if export.id == found.id else export for export in listed), listed.doubt)
    elif listed.doubt and asker.now - sent.at < _A_DAY:
        raise TransientError(f"What became of the request for {sent.month} is not known: {listed.doubt}")
    outbox.clear()
    return listed


def _found(asker: Asker, sent: Sent, listed: Sequence[Export]) -> Export | None:
    """What became of a POST: the export under its reference; where it could carry none, the one that looks like it.

    While another dataset of the same resource waits too, nobody can tell whose that is.
    """
    named = next((export for export in listed if export.reference == sent.note.reference), None)
    return named if named or sent.carried or asker.rivals() else alike(sent.note, sent.at, listed)
