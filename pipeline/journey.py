"""One month's journey through the four steps, over one data directory: what assets and commands both call.

The vendor's list, the landed files and the lake's log are the state; this object keeps none, and every verb
can be called again at any time: the second time changes nothing.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from pipeline.containers import SUFFIXES
from pipeline.erasing import Eraser
from pipeline.errors import GoneError, PermanentError
from pipeline.export.plan import covers
from pipeline.export.protocol import Export, ExportVendor, Listing, companions_of
from pipeline.export.recognising import recognised
from pipeline.guards import Guards
from pipeline.held import refusal
from pipeline.landing.download import Limits
from pipeline.landing.fetch import fetch
from pipeline.landing.manifests import Manifest, by_age
from pipeline.ledger import asked_for
from pipeline.loading import Loaded, Loader
from pipeline.months import Month
from pipeline.orders import Orders
from pipeline.privacy.erasures import Erasures
from pipeline.reloading import Reloader

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
        asked = list(self.archive.requested_of(self.datasets[record_type].vendor, record_type, month))
        newest = max((one.created_at for one in asked), default=None)
        return {one.export_id for one in asked if one.created_at == newest}

    @cached_property
    def _loader(self) -> Loader:
        guards = Guards(self.settings.cdr_max_shrink_share, self.settings.cdr_max_rejected_share)
        return Loader(self.archive, self.lake, self.tables, guards, self._eraser)

    @property
    def _bounds(self) -> Limits:
        """What one download may take."""
        return Limits(self.settings.cdr_max_download_gb * 1e9, self.settings.cdr_max_download_hours * 3600)

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
                beside = self._land_companions(vendor, export, file)
            except GoneError:
                self.archive.write_gone(file, self.clock())
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
                companions=beside,
            )
            self.archive.write_manifest(manifest)
            return manifest

    def _land_companions(self, vendor: ExportVendor, export: Export, file: Path) -> dict[str, Mapping[str, Any]]:
        """Keep the further files of an export beside its ``file``; what a manifest says of each."""
        found = {}
        for name in companions_of(vendor, export):
            opened = partial(vendor.open, replace(export, companion=name))
            target = file.with_name(f"{export.id}.{name}{SUFFIXES[0]}")
            found[name.value] = fetch(opened, target, self._bounds, companion=True).entry
        return found

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

    @cached_property
    def _reloader(self) -> Reloader:
        return Reloader(self, self._loader, self._eraser, self._erasures)

    def refresh(self) -> None:
        """Load again what was left half loaded, build and publish; raises ``PermanentError`` at the end."""
        self._reloader.refresh()

    def resume(self) -> Iterator[str]:
        """Load again, from the archive, what a kill or a power cut left half loaded; tells what could not be."""
        return self._reloader.resume()

    def rebuild(self, *, force: bool = False) -> Iterator[Manifest]:
        """Load every landed export again, from the archive alone; then publish."""
        return self._reloader.rebuild(force=force)

    def erase(self, number: str) -> Iterator[tuple[Manifest, int]]:
        """Erase a number from every landed file, and from all that was made of them, older snapshots included."""
        return self._reloader.erase(number)

    def _refuse_expired(self, month: Month) -> None:
        if self.expired(month):
            raise PermanentError(refusal(month))
