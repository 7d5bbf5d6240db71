"""Request exports from the vendors: each month exactly once, whatever failed before."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from pipeline.errors import BusyError, PermanentError, TransientError
from pipeline.export.exactly_once import ExactlyOnce, InDoubtError, Requested
from pipeline.export.in_flight import InFlight
from pipeline.export.matching import Noted
from pipeline.export.protocol import Export, ExportVendor, Request
from pipeline.export.requests import CLOCK_MARGIN, request_for
from pipeline.months import Month
from pipeline.operations.installation import Installation
from pipeline.operations.ledger import requested_export
from pipeline.operations.listings import Listings
from pipeline.operations.plan import refusal
from pipeline.operations.snapshot import Gatherer, missing_files
from pipeline.operations.state import Partition
from pipeline.warehouse.coverage import State


@dataclass
class Requests:
    """The result of requesting months of a dataset.

    Args:
        dataset: The dataset.
        done: What serves each month that was requested or adopted, in order.
        refused: Why each other month was not requested.
        queued: The months that wait until the vendor takes more.
    """

    dataset: str
    done: list[Requested] = field(default_factory=list)
    refused: dict[Month, Exception] = field(default_factory=dict)
    queued: list[Month] = field(default_factory=list)

    def all(self) -> list[Requested]:
        """Return what was requested; raises one error for all refused months.

        The error is transient if a new try may help some month, other than one whose request is in doubt.
        """
        if not self.refused:
            return self.done
        one = len(self.done) + len(self.refused) + len(self.queued) == 1
        told = (str(why) if one else f"{month}: {why}" for month, why in self.refused.items())
        kinds = {type(why) for why in self.refused.values()}
        final = any(issubclass(kind, PermanentError) for kind in kinds)
        passing = any(issubclass(kind, TransientError) and kind is not InDoubtError for kind in kinds)
        raise (PermanentError if final and not passing else TransientError)(" ".join(told))


class Requester:
    """Requests months of datasets, under a lock for each dataset.

    Args:
        gatherer: Tells what is known of a month, and so whether it can be requested.
    """

    def __init__(self, gatherer: Gatherer) -> None:
        self._gatherer = gatherer
        self._place = gatherer.place
        self._listings = gatherer.listings
        self._backlog = gatherer.backlog

    def request(self, dataset: str, months: Iterable[Month], *, force_new: bool = False) -> Requests:
        """Request each month, unless the vendor's list has an export that serves it; note that export at once.

        The list is read under the lock. If the vendor takes no more requests, the remaining months go to the backlog.
        Sealed months are skipped unless forced.

        Args:
            dataset: The dataset.
            months: The months.
            force_new: Request a new export even if one serves, unless one is pending. Months in the backlog keep it.
        """
        made, wanted = Requests(dataset), list(dict.fromkeys(months))
        with self._place.locked(f"ask-{dataset}"):
            forced = [month for month in wanted if force_new or self._backlog.force_new(dataset, month)]
            possible = self._possible(made, wanted, forced)
            self._request(made, [month for month in possible if month in forced], force_new=True)
            self._request(made, [month for month in possible if month not in forced], force_new=False)
        return made

    def _possible(self, made: Requests, wanted: list[Month], forced: list[Month]) -> list[Month]:
        """Return the months that the plan allows to request; the others leave the backlog."""
        now = self._place.clock()
        found = self._gatherer.gather({}, wanted=[Partition(made.dataset, month) for month in wanted])
        made.refused |= {month: TransientError(why) for month in wanted if (why := found.of(made.dataset, month))}
        for partition, state in found.states.items():
            if why := refusal(state, now):
                made.refused[partition.month] = PermanentError(why)
        sealed = {one.month for one, state in found.states.items() if state.coverage.state == State.SEALED.value}
        possible = [one for one in wanted if one not in made.refused and (one in forced or one not in sealed)]
        for month in {one.month for one in found.states} - set(possible):
            self._backlog.remove(made.dataset, month)
        return possible

    def _request(self, made: Requests, months: list[Month], *, force_new: bool) -> None:
        if not months:
            return
        once = self._exactly_once(made.dataset, force_new=force_new)
        once.read()
        for at, month in enumerate(months):
            try:
                made.done.append(once.ensure(self._request_for(made.dataset, month, force_new=force_new)))
            except BusyError:
                for waiting in months[at:]:
                    self._backlog.add(made.dataset, waiting, force_new=force_new)
                made.queued += months[at:]
                return
            except (PermanentError, InDoubtError) as error:
                made.refused[month] = error
            except TransientError as error:  # about the vendor, so about every remaining month
                made.refused |= dict.fromkeys(months[at:], error)
                return
            else:
                self._backlog.remove(made.dataset, month)

    def _exactly_once(self, dataset: str, *, force_new: bool) -> ExactlyOnce:
        place = self._place
        return ExactlyOnce(
            installation=place.settings.cdr_installation,
            vendor=self._vendor(dataset),
            dataset=place.datasets[dataset],
            now=place.clock(),
            deadline=timedelta(hours=place.settings.cdr_export_deadline_hours),
            in_flight=in_flight(place, dataset),
            log=ArchiveLog(place, self._listings, dataset),
            lost={one for one, missing in missing_files(place, dataset).items() if missing.lost},
            loaded=self._gatherer.ledger.loaded(dataset),
            force_new=force_new,
        )

    def _request_for(self, dataset: str, month: Month, *, force_new: bool) -> Request:
        now, series = self._vendor_now(dataset), self._listings.series(dataset)
        return request_for(series, self._place.datasets[dataset], month, now, force_new=force_new)

    def _vendor(self, dataset: str) -> ExportVendor:
        return self._listings.vendors[self._place.vendor_name(dataset)]

    def _vendor_now(self, dataset: str) -> datetime:
        """Return the time of the slower of the two clocks: a window that ends in the vendor's future is refused.

        Skew within ``CLOCK_MARGIN`` is ignored; otherwise the window, and so the reference, would change.
        """
        skew = self._vendor(dataset).skew() or timedelta(0)
        return self._place.clock() + (skew if skew < -CLOCK_MARGIN else timedelta(0))


class ArchiveLog:
    """The notes of the archive about the requests of one dataset.

    Args:
        place: The installation.
        listings: Tells what is noted of a vendor's exports.
        dataset: The dataset.
    """

    def __init__(self, place: Installation, listings: Listings, dataset: str) -> None:
        self._place = place
        self._listings = listings
        self._dataset = place.datasets[dataset]

    def noted(self, export_ids: Collection[str]) -> Mapping[str, Noted]:
        """Return the notes of these exports, of any dataset of the vendor."""
        return self._listings.noted(self._dataset.vendor, export_ids)

    def created(self, month: Month) -> Mapping[str, datetime]:
        """Return the exports requested for a month, and when the vendor created each."""
        requested = self._place.archive.requested_of(self._dataset.vendor, self._dataset.name, month)
        return {one.export_id: one.created_at for one in requested}

    def competing(self) -> bool:
        """Return whether another dataset of the same resource has a request in flight."""
        mine = self._dataset
        same = (mine.vendor, mine.resource)
        others = (one for one in self._place.datasets.values() if (one.vendor, one.resource) == same and one != mine)
        return any(in_flight(self._place, one.name).left() for one in others)

    def remember(self, export: Export, request: Request) -> None:
        """Note which export serves a request."""
        one = requested_export(self._dataset.vendor, export, self._dataset.name, request.month)
        self._place.archive.write_request(replace(one, made_for=request.dataset.fingerprint))


def in_flight(place: Installation, dataset: str) -> InFlight:
    """Return the note of a dataset's request in flight."""
    return InFlight(place.data / ".locks" / f"ask-{dataset}.sending")
