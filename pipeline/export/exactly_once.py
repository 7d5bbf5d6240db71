"""Create one export for one request, whatever failed before: the vendor's list is read first, a POST is noted first."""

import time
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from pipeline.dataset import Dataset
from pipeline.errors import BusyError, PermanentError, TransientError
from pipeline.export.in_flight import InFlight, InFlightRequest
from pipeline.export.matching import Noted, completed, lookalike, matched, of_dataset
from pipeline.export.protocol import Export, ExportVendor, Listing, Request
from pipeline.export.requests import of_month, series, serving, waiting
from pipeline.months import Month

LIST_LAG = timedelta(seconds=30)
"""How long a list that seems whole may not show a new export yet."""

_PAUSE_SECONDS = 0.5
_A_DAY = timedelta(days=1)


class InDoubtError(TransientError):
    """The list may hide an earlier request, so nothing is requested now."""


class RequestLog(Protocol):
    """What this installation wrote down of its requests to one vendor for one dataset."""

    def noted(self, export_ids: Collection[str]) -> Mapping[str, Noted]:
        """Return what was requested under these export ids, of any dataset of the vendor."""

    def created(self, month: Month) -> Mapping[str, datetime]:
        """Return the exports requested for a month, and when the vendor created each."""

    def competing(self) -> bool:
        """Return whether another dataset of the same resource has a request in flight."""

    def remember(self, export: Export, request: Request) -> None:
        """Write down which export serves a request."""


@dataclass(frozen=True)
class Requested:
    """The export that serves a request; ``sent`` is the request under the reference that the export has."""

    request: Request
    export: Export
    created: bool
    sent: Request


@dataclass
class ExactlyOnce:
    """Requests of one dataset, under the lock of its caller; ``read`` comes before ``ensure``.

    Args:
        installation: The name in our references.
        vendor: The vendor that is asked.
        dataset: The dataset that is requested.
        now: The time of the decision, aware.
        deadline: How long an export may take to complete.
        in_flight: The note that stands while a POST is under way.
        log: What was requested before.
        lost: Ids of exports whose file is missing for good.
        loaded: The export id that each month holds, by month.
        force_new: Request a new export although a ready one waits to be loaded.
    """

    installation: str
    vendor: ExportVendor
    dataset: Dataset
    now: datetime
    deadline: timedelta
    in_flight: InFlight
    log: RequestLog
    lost: Container[str] = ()
    loaded: Mapping[str, str] = field(default_factory=dict)
    force_new: bool = False

    def __post_init__(self) -> None:
        self._began = time.monotonic()
        self._listed = Listing()

    def read(self) -> None:
        """Read the vendor's list; wait until it shows what a killed process sent, or until that can arrive no more."""
        self._listed = self._matched()
        if sent := self.in_flight.left():
            self._resolve(sent)

    def ensure(self, request: Request) -> Requested:
        """Return the export that serves the request: one of the list, else the one that a POST creates; it is noted.

        Raises ``PermanentError`` for a request that never succeeds, ``BusyError`` where the vendor takes no more now,
        and ``TransientError`` where nothing may be requested now.
        """
        found = self._serving(request)
        if isinstance(found, Request):
            done = self._create(request, found)
        else:
            done = Requested(request, found, created=False, sent=request)
        self.log.remember(done.export, done.sent)
        if done.created:
            self.in_flight.clear()
            self._listed = Listing([*self._listed, done.export], self._listed.doubt)
        return done

    def _matched(self) -> Listing:
        """Read the list: the exports that may be of the dataset, ours with their references."""
        found = matched(self.vendor.exports(), self.log.noted)
        return Listing(of_dataset(self.vendor, self.dataset, found), found.doubt)

    def _serving(self, request: Request) -> Export | Request:
        """Return the listed export that serves the request, or the request to send.

        Raises ``PermanentError`` where the list has another export under the reference of the request.
        """
        begin = series(self.installation, self.dataset, self.vendor.reference_length)
        ours = of_month(begin, request.month, self._listed)
        unloaded = set() if self.force_new else waiting(ours, self.loaded.get(str(request.month)), self.now)
        found = serving(request, ours, self.now, self.deadline, self.lost, unloaded)
        if isinstance(found, Request) and any(export.reference == found.reference for export in self._listed):
            raise PermanentError(
                f"The vendor lists an export under our reference {found.reference} that is not what it says; "
                "set CDR_INSTALLATION to another name."
            )
        return found

    def _create(self, request: Request, sent: Request) -> Requested:
        if why := hidden(self.log.created(request.month), self._listed, self.now):
            raise InDoubtError(f"{request.month} is not requested now, as it may be already: {why}")
        passed = timedelta(seconds=time.monotonic() - self._began)
        at = self.now + passed + (self.vendor.skew() or timedelta(0))
        self.in_flight.note(sent, at, carried=self.vendor.reference_length > 0)
        return Requested(request, self._post(sent), created=True, sent=sent)

    def _post(self, request: Request) -> Export:
        """Send the POST; where its answer is lost, look for its export in the list before the error is raised."""
        try:
            return completed(self.vendor.request(request), Noted(request.reference, request.start, request.end))
        except (BusyError, PermanentError):
            self.in_flight.clear()
            raise
        except TransientError:
            sent = self.in_flight.left()
            found = self._find(sent, self._matched()) if sent else None
            if found is None:
                raise
            return found

    def _resolve(self, sent: InFlightRequest) -> None:
        """Adopt what a killed process sent, as soon as the list shows it; give up when it can arrive no more."""
        end = time.monotonic() + self.in_flight.seconds_left()
        while (found := self._find(sent, self._listed)) is None and time.monotonic() < end:
            time.sleep(_PAUSE_SECONDS)
            self._listed = self._matched()
        if found is not None:
            noted = sent.noted
            self.log.remember(found, Request(self.dataset, sent.month, noted.start, noted.end, noted.reference))
            known = (found if export.id == found.id else export for export in self._listed)
            self._listed = Listing(known, self._listed.doubt)
        elif self._listed.doubt and self.now - sent.at < _A_DAY:
            raise TransientError(f"What became of the request for {sent.month} is not known: {self._listed.doubt}")
        self.in_flight.clear()

    def _find(self, sent: InFlightRequest, listed: Sequence[Export]) -> Export | None:
        """Return the export of a POST: by its reference; where it carries none, the one that looks like it.

        While another dataset of the same resource has a request in flight, looks do not tell whose export it is.
        """
        named = next((export for export in listed if export.reference == sent.noted.reference), None)
        return named if named or sent.carried or self.log.competing() else lookalike(sent.noted, sent.at, listed)


def hidden(created: Mapping[str, datetime], listed: Iterable[Export], now: datetime) -> str:
    """Return why the list may not show an export yet that was requested; empty where it shows all that it should.

    Args:
        created: The exports requested for a month, and when the vendor created each.
        listed: The vendor's list, with the doubt that it may be incomplete.
        now: The time of the decision, aware.
    """
    doubt = listed.doubt if isinstance(listed, Listing) else ""
    seen = {export.id for export in listed}
    youngest = min((abs(now - at) for name, at in created.items() if name not in seen), default=_A_DAY)
    if youngest < LIST_LAG:
        return doubt or "the list does not show yet what was requested a moment ago; try again later."
    return doubt if youngest < _A_DAY else ""
