"""One month's journey through the four steps, over one data directory: what assets and commands both call.

The vendor's list, the landed files and the lake's log are the state; this object keeps none, and every verb
can be called again at any time: the second time changes nothing.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import cached_property, partial

from pipeline.erasing import Eraser
from pipeline.errors import GoneError, PermanentError
from pipeline.export.asking import Asked, Asker, ensure_asked
from pipeline.export.outbox import Outbox
from pipeline.export.plan import CLOCK_MARGIN, askable, of_month, overdue, request_for, to_load
from pipeline.export.protocol import Export, ExportVendor
from pipeline.holdings import Holdings
from pipeline.landing.archive import Manifest, by_age
from pipeline.landing.fetch import fetch
from pipeline.ledger import asked_for
from pipeline.loading import Loaded, Loader
from pipeline.months import Month
from pipeline.privacy.erasures import Erasures
from pipeline.settings import Settings
from pipeline.vendors import didww


class Journey(Holdings):
    """The steps that bring months in, wired for one vendor, and all that is held already."""

    def __init__(
        self, settings: Settings, vendor: ExportVendor | None = None, clock: Callable[[], datetime] | None = None
    ) -> None:
        super().__init__(settings, clock)
        self.vendor = vendor or didww(settings)
        self.deadline = timedelta(hours=settings.cdr_export_deadline_hours)

    @cached_property
    def _loader(self) -> Loader:
        return Loader(self.archive, self.lake, self.settings.cdr_max_shrink_share, self._eraser)

    @cached_property
    def _erasures(self) -> Erasures:
        return Erasures(self.settings.cdr_data_dir)

    @cached_property
    def _eraser(self) -> Eraser:
        return Eraser(self.archive, self._erasures, self.clock)

    def ask(self, record_type: str, months: Iterable[Month], *, again: bool = False) -> Iterator[Asked]:
        """Ask for each month, unless the vendor's list has what serves it; what serves it is noted at once.

        ``again`` asks anew although something does, except for what is under way.
        """
        name, lost = self.settings.cdr_installation, self.archive.gone(self.vendor.name, record_type)
        asker = Asker(name, self.clock(), self.deadline, lost, self.loaded(record_type), again)
        # made one by one, after the list was read, which tells the vendor's time
        requests = (request_for(name, record_type, month, self._vendor_now(), again=again) for month in months)
        with self.locked(f"ask-{record_type}"):
            for asked in ensure_asked(self.vendor, requests, asker, self._outbox(record_type)):
                self.archive.note_asked(asked_for(self.vendor.name, asked.export, record_type, asked.request.month))
                yield asked

    def _outbox(self, record_type: str) -> Outbox:
        return Outbox(self.settings.cdr_data_dir / ".locks" / f"ask-{record_type}.sending")

    def _vendor_now(self) -> datetime:
        """Now by the slower of the two clocks: a window that ends in the vendor's future is refused.

        What the margin covers is no difference: it would only make another request of the same one.
        """
        ahead = self.vendor.skew() or timedelta(0)
        return self.clock() + (ahead if ahead < -CLOCK_MARGIN else timedelta(0))

    def askable(
        self, record_type: str, months: Iterable[Month], *, again: bool = False
    ) -> tuple[list[Month], list[str]]:
        """The months that can be asked for, and a sentence for each that cannot.

        A sealed month is neither, unless ``again``: there is nothing left to ask.
        """
        wanted = list(months)
        possible, refused = askable((month for month in wanted if not self.expired(month)), self.clock())
        refused += [_refusal(month) for month in wanted if self.expired(month)]
        sealed = {row.month for row in self.coverage() if (row.record_type, row.state) == (record_type, "sealed")}
        return [month for month in possible if again or str(month) not in sealed], refused

    def to_ask_again(self, record_type: str, month: Month, listed: Iterable[Export]) -> Export | None:
        """The newest export of the month, if nothing will come of it: it is overdue, or its file is gone."""
        newest = next(reversed(self.ours(record_type, month, listed)), None)
        if newest is None or newest.id == self.loaded(record_type).get(str(month)) or self.expired(month):
            return None
        gone = newest.id in self.archive.gone(self.vendor.name, record_type)
        return newest if gone or overdue(newest, self.clock(), self.deadline) else None

    def ours(self, record_type: str, month: Month, listed: Iterable[Export]) -> list[Export]:
        """Our exports of one month in the vendor's list, oldest first."""
        return of_month(self.settings.cdr_installation, record_type, month, listed)

    def to_load(
        self, record_type: str, month: Month, listed: Iterable[Export], failures: Callable[[str], int]
    ) -> Export | None:
        """The export of the month to land and load now, if there is one."""
        if self.expired(month):
            return None
        gone = self.archive.gone(self.vendor.name, record_type)
        there = [export for export in self.ours(record_type, month, listed) if export.id not in gone]
        return to_load(there, self.loaded(record_type).get(str(month)), failures)

    def land(self, record_type: str, month: Month, export: Export) -> Manifest:
        """Keep the export's file, verified; one that landed before is not fetched again."""
        self._refuse_expired(month)
        file = self.archive.file(self.vendor.name, record_type, month, export.id)
        with self.locked(f"{record_type}-{month}"):
            if found := self.archive.manifest(file):
                return found
            try:
                fetched = fetch(partial(self.vendor.open, export), file)
            except GoneError:
                self.archive.note_gone(file, self.clock())
                raise
            manifest = Manifest(
                **asdict(asked_for(self.vendor.name, export, record_type, month)),
                landed_at=self.clock(),
                url=export.url or "",
                bytes=fetched.size,
                text_bytes=fetched.contents.text_bytes,
                sha256=fetched.sha256,
                header=fetched.contents.header,
            )
            self.archive.note_landed(manifest)
            return manifest

    def load(self, record_type: str, month: Month, *, force: bool = False) -> Loaded:
        """Replace the month by what its newest landed export holds, in one commit, unless it holds that already.

        An export that would take away more than the share of rows that the settings allow is refused, unless
        ``force``.
        """
        self._refuse_expired(month)
        with self.locked(f"{record_type}-{month}"):
            manifest = max(self.archive.landed_of(self.vendor.name, record_type, month), key=by_age, default=None)
            if manifest is None:
                raise PermanentError(f"No export of {record_type} {month} has landed; materialize its file first.")
            if self.loaded(record_type).get(str(month)) == manifest.export_id:
                return Loaded(manifest.export_id, None)
            return self._loader.replace(manifest, force=force)

    def rebuild(self) -> Iterator[Manifest]:
        """Load every landed export again, oldest first, from the archive alone; then publish.

        Of a month that the lake holds only the newest is loaded: it must not be replaced by less meanwhile.
        """
        landed = [one for one in self.archive.landed() if not one.expired and not self.expired(Month.parse(one.month))]
        newest = {(one.record_type, one.month): one.export_id for one in landed}
        held = {(record_type, month) for record_type in self.calls for month in self.loaded(record_type)}
        for manifest in landed:
            place = manifest.record_type, manifest.month
            if place in held and manifest.export_id != newest[place]:
                continue
            with self.locked(f"{manifest.record_type}-{manifest.month}"):
                self._loader.replace(manifest, force=True)
            yield manifest
        self.refresh()

    def erase(self, number: str) -> Iterator[tuple[Manifest, int]]:
        """Erase a number from every landed file, and from all that was made of them, older snapshots included.

        Yields each file in which it was, and in how many records; a second time it finds the same and changes nothing.
        The number is in no log: whatever brings it again is erased when it is loaded. Raises ``PermanentError`` for
        what is no phone number.
        """
        erased = self._erasures.add(number, self.clock())
        made_of = {name: {load["month"]: load["sha256"] for load in self.lake.notes(name)} for name in self.calls}
        months = set()
        for manifest in self.archive.landed():
            if manifest.expired:
                continue
            with self.locked(f"{manifest.record_type}-{manifest.month}"):
                cleansed = self._eraser.cleanse(manifest)
                holds = self.loaded(manifest.record_type).get(manifest.month) == manifest.export_id
                if holds and made_of[manifest.record_type].get(manifest.month) != cleansed.sha256:
                    self._loader.replace(cleansed, force=True)
            if rows := sum(note["rows"].get(erased, 0) for note in cleansed.erased):
                months.add(manifest.month)
                yield cleansed, rows
        self.refresh()
        self.forget(sorted(months))
        for month in map(Month.parse, months):
            if self.report_file(month).exists():
                self.report(month, again=True)

    def _refuse_expired(self, month: Month) -> None:
        if self.expired(month):
            raise PermanentError(_refusal(month))


def _refusal(month: Month) -> str:
    return f"{month} is older than CDR_RETAIN_NUMBER_MONTHS allows; raise that to bring it in."
