"""Land the file of an export: fetch its exact bytes, verify them, and write a manifest."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.containers import SUFFIXES
from pipeline.errors import GoneError, PermanentError
from pipeline.export.protocol import Export, ExportVendor, companions_of
from pipeline.landing.download import Limits
from pipeline.landing.fetch import fetch
from pipeline.landing.manifests import Manifest
from pipeline.months import Month
from pipeline.operations.installation import Installation
from pipeline.operations.ledger import requested_export
from pipeline.operations.plan import not_retained


class Lander:
    """Fetches exports into the archive.

    Args:
        place: The installation.
        vendors: The vendors by name.
    """

    def __init__(self, place: Installation, vendors: Mapping[str, ExportVendor]) -> None:
        self._place = place
        self._vendors = vendors
        settings = place.settings
        self._bounds = Limits(settings.cdr_max_download_gb * 1e9, settings.cdr_max_download_hours * 3600)

    def land(self, record_type: str, month: Month, export: Export) -> Manifest:
        """Return the manifest of the export's file, which is fetched unless it has landed already.

        Raises ``GoneError`` where the vendor has no such file; the archive notes that.

        Args:
            record_type: The dataset.
            month: The month.
            export: The export.
        """
        place = self._place
        if not place.retained(month):
            raise PermanentError(not_retained(month))
        vendor = self._vendors[place.vendor_name(record_type)]
        file = place.archive.file(vendor.name, record_type, month, export.id)
        with place.locked(f"{record_type}-{month}"):
            if found := place.archive.manifest(file):
                return found
            try:
                manifest = self._fetched(vendor, record_type, month, export, file)
            except GoneError:
                place.archive.write_gone(file, place.clock())
                raise
            place.archive.write_manifest(manifest)
            return manifest

    def _fetched(self, vendor: ExportVendor, record_type: str, month: Month, export: Export, file: Path) -> Manifest:
        fetched = fetch(partial(vendor.open, export), file, self._bounds)
        companions = self._companions(vendor, export, file)
        return Manifest(
            **asdict(requested_export(vendor.name, export, record_type, month)),
            landed_at=self._place.clock(),
            url=export.url or "",
            bytes=fetched.size,
            text_bytes=fetched.contents.text_bytes,
            sha256=fetched.sha256,
            header=fetched.contents.header,
            records_told=export.records,
            unread=fetched.contents.unread,
            companions=companions,
        )

    def _companions(self, vendor: ExportVendor, export: Export, file: Path) -> dict[str, Mapping[str, Any]]:
        """Fetch the further files of an export into the folder of ``file``; return the manifest's entry of each."""
        found = {}
        for name in companions_of(vendor, export):
            opened = partial(vendor.open, replace(export, companion=name))
            target = file.with_name(f"{export.id}.{name}{SUFFIXES[0]}")
            found[name.value] = fetch(opened, target, self._bounds, companion=True).entry
        return found
