"""What is asked of the vendors, and what their lists say of it: the steps before a file can land.

The vendor's list and our notes beside the archive are the state; every verb can be called again at any time.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property, partial

from pipeline.dataset import Dataset
from pipeline.errors import BusyError
from pipeline.export.action import Action, Attempts, Held, MissingFile, MonthState, Verb, plan
from pipeline.export.asking import Asked, Asker, ensure_asked
from pipeline.export.outbox import Outbox
from pipeline.export.plan import CLOCK_MARGIN, askable, of_month, request_for, series
from pipeline.export.protocol import Export, ExportVendor, Request
from pipeline.export.queue import Queue
from pipeline.export.recognising import Note, of_dataset
from pipeline.held import refusal
from pipeline.holdings import Holdings
from pipeline.ledger import asked_for
from pipeline.months import Month
from pipeline.settings import Settings
from pipeline.vendors import vendor

Askable = tuple[list[Month], list[str]]
"""The months that can be asked for, and a sentence for each that cannot."""


class Orders(Holdings):
    """Asking the vendors of every dataset, and all that is held already."""

    def __init__(
        self,
        settings: Settings,
        vendors: Mapping[str, ExportVendor] | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        super().__init__(settings, clock)
        names = dict.fromkeys(dataset.vendor for dataset in self.datasets.values())
        self.vendors = vendors or {name: vendor(name, settings) for name in names}
        self.deadline = timedelta(hours=settings.cdr_export_deadline_hours)

    def vendor_of(self, record_type: str) -> ExportVendor:
        """Whom a record type is asked of."""
        return self.vendors[self.datasets[record_type].vendor]

    def ask(self, record_type: str, months: Iterable[Month], *, again: bool = False) -> Iterator[Asked]:
        """Ask for each month, unless the vendor's list has what serves it; what serves it is noted at once.

        ``again`` asks anew although something does, except for what is under way, and so does who waited with that
        wish. Where the vendor takes no more for now, the months that are left wait.
        """
        wanted = list(dict.fromkeys(months))
        with self.locked(f"ask-{record_type}"):
            anew = [month for month in wanted if again or self.queue.again(record_type, month)]
            for group in (anew, [month for month in wanted if month not in anew]):
                if group:
                    yield from self._ask(record_type, group, again=group is anew)

    def _ask(self, record_type: str, months: list[Month], *, again: bool) -> Iterator[Asked]:
        left = dict.fromkeys(months)
        asker = self._asker(record_type, again=again)  # which looks at the clock
        # requests are made one by one, after the list was read, which tells the vendor's time and version
        requests = (self._request(record_type, month, again=again) for month in months)
        remember = partial(self._remember, record_type)
        try:
            for asked in ensure_asked(asker, requests, self._outbox(record_type), remember):
                del left[asked.request.month]
                self.queue.remove(record_type, asked.request.month)
                yield asked
        except BusyError:
            for month in left:
                self.queue.add(record_type, month, again=again)

    @cached_property
    def queue(self) -> Queue:
        """The months that wait until their vendor takes more."""
        return Queue(self.settings.cdr_data_dir / ".locks")

    def _asker(self, record_type: str, *, again: bool) -> Asker:
        dataset = self.datasets[record_type]
        return Asker(
            self.settings.cdr_installation,
            self.vendor_of(record_type),
            dataset,
            self.clock(),
            self.deadline,
            {export_id for export_id, missing in self._missing(record_type).items() if missing.lost},
            self.loaded(record_type),
            again,
            partial(self._notes, dataset.vendor),
            partial(self._rivals, dataset),
            partial(self._asked_of, dataset),
        )

    def _asked_of(self, dataset: Dataset, month: Month) -> dict[str, datetime]:
        """The exports that we asked for a month, and when the vendor created each."""
        return {one.export_id: one.created_at for one in self.archive.requested_of(dataset.vendor, dataset.name, month)}

    def _rivals(self, dataset: Dataset) -> bool:
        """Whether a POST of another dataset of the same resource has not been heard of."""
        same = (dataset.vendor, dataset.resource)
        others = (one for one in self.datasets.values() if (one.vendor, one.resource) == same and one != dataset)
        return any(self._outbox(one.name).left() for one in others)

    def _request(self, record_type: str, month: Month, *, again: bool) -> Request:
        return request_for(
            self._series(record_type), self.datasets[record_type], month, self._vendor_now(record_type), again=again
        )

    def _series(self, record_type: str) -> str:
        longest = self.vendor_of(record_type).reference_length
        return series(self.settings.cdr_installation, self.datasets[record_type], longest)

    def _remember(self, record_type: str, export: Export, request: Request) -> None:
        asked = asked_for(self.datasets[record_type].vendor, export, record_type, request.month)
        self.archive.write_request(replace(asked, made_for=request.dataset.fingerprint))

    def _notes(self, name: str, export_ids: Collection[str]) -> dict[str, Note]:
        """What we asked this vendor for under these ids, as long as the same is asked for now."""
        fingerprints = {dataset.name: dataset.fingerprint for dataset in self.datasets.values()}
        return {
            one.export_id: Note(one.reference, one.window_start, one.window_end)
            for one in self.archive.requested_among(name, export_ids)
            if one.made_for in ("", fingerprints.get(one.record_type))
        }

    def _outbox(self, record_type: str) -> Outbox:
        return Outbox(self.settings.cdr_data_dir / ".locks" / f"ask-{record_type}.sending")

    def _vendor_now(self, record_type: str) -> datetime:
        """Now by the slower of the two clocks: a window that ends in the vendor's future is refused.

        What the margin covers is no difference: it would only make another request of the same one.
        """
        ahead = self.vendor_of(record_type).skew() or timedelta(0)
        return self.clock() + (ahead if ahead < -CLOCK_MARGIN else timedelta(0))

    def askable(self, record_type: str, months: Iterable[Month], *, again: bool = False) -> Askable:
        """The months that can be asked for, and a sentence for each that cannot.

        A sealed month is neither, unless ``again``, or unless it waits with that wish: there is nothing left to ask.
        """
        wanted = list(months)
        kept = self.vendor_of(record_type).months_kept
        possible, refused = askable((month for month in wanted if not self.expired(month)), self.clock(), kept)
        refused += [refusal(month) for month in wanted if self.expired(month)]
        first = self.first_month()
        refused += [f"{one} is before CDR_START_MONTH; set that earlier to keep it." for one in possible if one < first]
        possible = [month for month in possible if month >= first]
        sealed = {row.month for row in self.coverage() if (row.record_type, row.state) == (record_type, "sealed")}
        anew = {month for month in possible if again or self.queue.again(record_type, month)}
        possible = [month for month in possible if month in anew or str(month) not in sealed]
        for month in set(wanted) - set(possible):  # what cannot be asked for need not wait for it
            self.queue.remove(record_type, month)
        return possible, refused

    def ours(self, record_type: str, month: Month, listed: Iterable[Export]) -> list[Export]:
        """Our exports of one month in what the vendor has ``listed``, oldest first."""
        of_ours = of_month(self._series(record_type), month, listed)  # few of thousands, which are looked at closely
        return of_dataset(self.vendor_of(record_type), self.datasets[record_type], of_ours)

    def by_month(self, record_type: str, listed: Iterable[Export]) -> dict[Month, list[Export]]:
        """All our exports of a record type in what its vendor has ``listed``, by month, oldest first."""
        months: dict[Month, list[Export]] = {}
        for export in listed:
            if export.start and export.reference:
                months.setdefault(Month.of(export.start), []).append(export)
        found = {month: self.ours(record_type, month, months[month]) for month in sorted(months)}
        return {month: ours for month, ours in found.items() if ours}

    def plan(
        self,
        record_type: str,
        month: Month,
        listed: Iterable[Export],
        tried: Callable[[str], Attempts] = lambda export_id: Attempts(),
    ) -> Action:
        """What to do now with a month, given what its vendor has ``listed``."""
        if self.expired(month):
            return Action(Verb.NOTHING, refusal(month))
        ours = tuple(self.ours(record_type, month, listed))
        state = MonthState(ours, self._held(record_type, month), self._missing(record_type))
        return plan(state, self.clock(), self.deadline, tried)

    def _held(self, record_type: str, month: Month) -> Held | None:
        """The export that the month holds."""
        export_id = self.loaded(record_type).get(str(month))
        if export_id is None:
            return None
        landed = self.archive.landed_of(self.datasets[record_type].vendor, record_type, month)
        return Held(export_id, next((one.created_at for one in landed if one.export_id == export_id), None))

    def _missing(self, record_type: str) -> dict[str, MissingFile]:
        """The exports of a record type whose file was not there."""
        notes = self.archive.gone(self.datasets[record_type].vendor, record_type)
        return {one: MissingFile(note.found_at, note.looked_at, note.looks) for one, note in notes.items()}
