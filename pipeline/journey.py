"""One month's journey through the four steps, over one data directory: what assets and commands both call.

The vendor's list, the landed files and the lake's log are the state; this object keeps none, and every verb
can be called again at any time: the second time changes nothing.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import cached_property, partial

from pipeline.erasing import Eraser
from pipeline.errors import GoneError, PermanentError, TransientError
from pipeline.export.plan import covers
from pipeline.export.protocol import Export, Listing
from pipeline.export.recognising import recognised
from pipeline.guards import Guards
from pipeline.integrity import left_out
from pipeline.landing.download import Bounds
from pipeline.landing.fetch import fetch
from pipeline.landing.notes import Manifest, by_age
from pipeline.ledger import asked_for
from pipeline.loading import Loaded, Loader
from pipeline.months import Month
from pipeline.orders import Orders, refusal
from pipeline.privacy.erasures import Erasures

_READ_SECONDS = 60
"""How old a list may be that is not read again: addresses of files may hold for a while only."""


class Journey(Orders):
    """The steps that bring months in, and all that is held already."""

    _just_read: tuple[str, float, Listing] | None = None

    def listed(self, name: str) -> Listing:
        """Every export that a vendor lists, ours with the references under which they were asked for."""
        if self._just_read and self._just_read[0] == name and time.monotonic() - self._just_read[1] < _READ_SECONDS:
            return self._just_read[2]
        return recognised(self.vendors[name].exports(), partial(self._notes, name))

    @contextmanager
    def showing(self, name: str, listed: Listing) -> Iterator[None]:
        """Do not read the vendor's list again within, as long as what was ``listed`` a moment ago is not old.

        Asking reads it under its lock nevertheless.
        """
        self._just_read = name, time.monotonic(), listed
        try:
            yield
        finally:
            self._just_read = None

    def covered(self) -> set[tuple[str, Month]]:
        """The record types' months of which the lake holds all that can be asked for."""
        now = self.clock()
        rows = ((row.record_type, Month.parse(row.month), row.loaded_until) for row in self.coverage())
        return {(record_type, month) for record_type, month, until in rows if covers(until, month, now)}

    def newest_asked(self, record_type: str, month: Month) -> set[str]:
        """The newest export that was asked for of a month, as our notes say; several, if made in the same instant."""
        asked = list(self.archive.asked_of(self.datasets[record_type].vendor, record_type, month))
        newest = max((one.created_at for one in asked), default=None)
        return {one.export_id for one in asked if one.created_at == newest}

    @cached_property
    def _loader(self) -> Loader:
        guards = Guards(self.settings.cdr_max_shrink_share, self.settings.cdr_max_rejected_share)
        return Loader(self.archive, self.lake, self.tables, guards, self._eraser)

    @property
    def _bounds(self) -> Bounds:
        """What one download may take."""
        return Bounds(self.settings.cdr_max_download_gb * 1e9, self.settings.cdr_max_download_hours * 3600)

    @cached_property
    def _erasures(self) -> Erasures:
        return Erasures(self.settings.cdr_data_dir)

    @cached_property
    def _eraser(self) -> Eraser:
        return Eraser(self.archive, self.tables, self._erasures, self.clock)

    def land(self, record_type: str, month: Month, export: Export) -> Manifest:
        """Keep the export's file, verified; one that landed before is not fetched again."""
        self._refuse_expired(month)
        vendor = self.vendor_of(record_type)
        file = self.archive.file(vendor.name, record_type, month, export.id)
        with self.locked(f"{record_type}-{month}"):
            if found := self.archive.manifest(file):
                return found
            try:
                fetched = fetch(partial(vendor.open, export), file, self._bounds)
            except GoneError:
                self.archive.note_gone(file, self.clock())
                raise
            manifest = Manifest(
                **asdict(asked_for(vendor.name, export, record_type, month)),
                landed_at=self.clock(),
                url=export.url or "",
                bytes=fetched.size,
                text_bytes=fetched.contents.text_bytes,
                sha256=fetched.sha256,
                header=fetched.contents.header,
                records_told=export.records,
                unread=fetched.contents.unread,
            )
            self.archive.note_landed(manifest)
            return manifest

    def load(self, record_type: str, month: Month, *, force: bool = False) -> Loaded:
        """Replace the month by what its newest landed export holds, in one commit, unless it holds that already.

        One that the guards refuse is loaded with ``force`` alone: an older export, one that takes away too many rows,
        a file of which too many records are rejected or another month's.
        """
        self._refuse_expired(month)
        with self.locked(f"{record_type}-{month}"):
            landed = self.archive.landed_of(self.datasets[record_type].vendor, record_type, month)
            manifest = max(landed, key=by_age, default=None)
            if manifest is None:
                raise PermanentError(f"No export of {record_type} {month} has landed; materialize its file first.")
            if self.loaded(record_type).get(str(month)) == manifest.export_id:
                return Loaded(manifest.export_id, None)
            return self._loader.replace(manifest, force=force)

    def refresh(self) -> None:
        """Load again what was left half loaded, build and publish; raises ``PermanentError`` at the end."""
        failed = [*self.resume()]
        try:
            super().refresh()
        except PermanentError as error:
            failed.append(str(error))
        if failed:
            raise PermanentError(" ".join(failed))

    def resume(self) -> Iterator[str]:
        """Load again, from the archive, what a kill or a power cut left half loaded; tells what could not be."""
        for record_type, month in [(name, month) for name in self.schemas for month in self.half_loaded(name)]:
            try:
                self._load_again(record_type, month)
            except (PermanentError, TransientError) as error:
                yield str(error)

    def _load_again(self, record_type: str, month: str) -> None:
        with self.locked(f"{record_type}-{month}"):
            ids = self.half_loaded(record_type).get(month, set())
            landed = [one for one in self._known_landed() if one.export_id in ids and not one.expired]
            if landed and not self.expired(Month.parse(month)):
                self._loader.replace(landed[-1], force=True)  # it passed, or was forced, when it was loaded first

    def rebuild(self) -> Iterator[Manifest]:
        """Load every landed export again, oldest first, from the archive alone; then publish.

        Of a month that the lake holds only that export is loaded, whatever the guards say, and the newest: it must not
        be replaced by less meanwhile. What was refused stays refused. A month that cannot be loaded stops no other; at
        the end ``PermanentError`` names it, and what of the archive was left out.
        """
        for lake in (self.lake, self.copies):
            lake.set_aside_unreadable()
        failed = []
        landed = [one for one in self._known_landed() if not one.expired and not self.expired(Month.parse(one.month))]
        newest = {(one.record_type, one.month): one.export_id for one in landed}
        held = {(name, month): export for name in self.schemas for month, export in self.loaded(name).items()}
        for manifest in landed:
            place = manifest.record_type, manifest.month
            if place in held and manifest.export_id not in (held[place], newest[place]):
                continue
            try:
                with self.locked(f"{manifest.record_type}-{manifest.month}"):
                    self._loader.replace(manifest, force=held.get(place) == manifest.export_id)
            except (PermanentError, TransientError, OSError, ValueError) as error:
                failed.append(_failure(manifest, error))
            else:
                yield manifest
        self.refresh()
        _raise([*failed, *filter(None, [left_out(self)])])

    def erase(self, number: str) -> Iterator[tuple[Manifest, int]]:
        """Erase a number from every landed file, and from all that was made of them, older snapshots included.

        Yields each file in which it was, and in how many records; a second time it finds the same and changes nothing.
        The number is in no log: whatever brings it again is erased when it is loaded. Raises ``PermanentError`` for
        what is no phone number, and at the end where a file may hold it still.
        """
        erased = self._erasures.add(number, self.clock())
        made_of = {name: {load["month"]: load["sha256"] for load in self.lake.notes(name)} for name in self.schemas}
        months, failed = set(), list[str]()
        for manifest in self._known_landed():
            if manifest.expired:
                continue
            try:
                with self.locked(f"{manifest.record_type}-{manifest.month}"):
                    cleansed = self._eraser.cleanse(manifest)
                    holds = self.loaded(manifest.record_type).get(manifest.month) == manifest.export_id
                    if holds and made_of[manifest.record_type].get(manifest.month) != cleansed.sha256:
                        self._loader.replace(cleansed, force=True)
            except (PermanentError, TransientError, OSError, ValueError) as error:
                failed.append(_failure(manifest, error))
                continue
            if rows := sum(note["rows"].get(erased, 0) for note in cleansed.erased):
                months.add(manifest.month)
                yield cleansed, rows
        self.refresh()
        self.forget(sorted(months))
        for month in map(Month.parse, months):
            if self.report_file(month).exists():
                self.report(month, again=True)
        _raise([*failed, *filter(None, [left_out(self)])])

    def unread(self) -> str:
        """The datasets of which files landed and which are not kept now, so that nobody knows how they are read."""
        landed = {one.record_type for one in self.archive.landed() if not one.expired}
        return ", ".join(sorted(landed - self.tables.keys()))

    def _known_landed(self) -> list[Manifest]:
        """What landed of the datasets that are kept now: of another nobody knows how it is read."""
        return [manifest for manifest in self.archive.landed() if manifest.record_type in self.tables]

    def _refuse_expired(self, month: Month) -> None:
        if self.expired(month):
            raise PermanentError(refusal(month))


def _failure(manifest: Manifest, error: Exception) -> str:
    """A sentence about what failed of one export, whatever kind of error it was."""
    first = str(error).strip().partition("\n")[0]
    said = first if isinstance(error, PermanentError | TransientError) else f"{type(error).__name__}: {first}."
    return f"{manifest.record_type} {manifest.month}: {said}"


def _raise(failed: list[str]) -> None:
    if failed:
        raise PermanentError(f"{len(failed)} failed, all others are done. {' '.join(failed)}")
