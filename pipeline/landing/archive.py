"""The archive on disk. The path of a file follows from what it is, and no file is ever overwritten.

``landing/<vendor>/<type>/<month>/<export id>.csv.gz`` is a file as served (``.zip`` or ``.csv`` where it is not gzip).
A further file of the export is ``<export id>.<companion>.csv.gz``. Its sidecar files are JSON:

- ``<export id>.asked.json``: the requested export;
- ``<export id>.landed.json``: the manifest of what was verified;
- ``<export id>.gone.json``: how often the file was looked for, while the vendor did not have it.
"""

import hashlib
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path

from pipeline.containers import SUFFIXES
from pipeline.errors import PermanentError
from pipeline.landing.manifests import Gone, Manifest, RequestedExport, by_age, read_gone, write_json
from pipeline.landing.sidecars import SAFE_ID, readable, sidecar
from pipeline.months import Month


class Archive:
    """The landing folder of one data directory."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def file(self, vendor: str, record_type: str, month: Month, export_id: str, companion: str = "") -> Path:
        """Return the path of an export's file, whether it exists or not.

        Args:
            vendor: The vendor's name.
            record_type: The name of the dataset, such as ``cdr_in``.
            month: The month of the export.
            export_id: The vendor's id; raises ``PermanentError`` where it cannot be a file name.
            companion: The name of a further file of the export; empty for the file of records.
        """
        if not SAFE_ID.fullmatch(export_id):
            raise PermanentError(f"Export id {export_id[:40]!r} cannot be a file name; tell the vendor's support.")
        folder = self.root / vendor / record_type / str(month)
        name = f"{export_id}.{companion}" if companion else export_id
        paths = [folder / f"{name}{suffix}" for suffix in SUFFIXES]
        return next((path for path in paths if path.exists()), paths[0])

    def file_of(self, export: RequestedExport, companion: str = "") -> Path:
        """Return the path of the file of a requested export, or of its companion."""
        return self.file(export.vendor, export.record_type, Month.parse(export.month), export.export_id, companion)

    def write_request(self, export: RequestedExport) -> None:
        """Record that the export was requested, unless a readable record exists."""
        path = sidecar(self.file_of(export), "asked")
        if not any(readable([path], RequestedExport)):
            write_json(path, asdict(export))

    def write_manifest(self, manifest: Manifest) -> None:
        """Write the manifest. Call this after the file has its name."""
        file = self.file_of(manifest)
        write_json(sidecar(file, "landed"), asdict(manifest))
        sidecar(file, "gone").unlink(missing_ok=True)

    def expire(self, month: str) -> None:
        """Delete every file of a month. The manifests stay, marked as expired."""
        for manifest in self.landed():
            if manifest.month == month and not manifest.expired:
                self.write_manifest(replace(manifest, expired=True))
        for file in self.files(month):
            file.unlink(missing_ok=True)

    def files(self, month: str) -> Iterator[Path]:
        """Yield every file of a month but the sidecars, including parts that a killed process left."""
        yield from (file for file in self.root.glob(f"*/*/{month}/*") if file.suffix != ".json")

    def unfinished(self) -> Iterator[Path]:
        """Yield unfinished files: of processes that fetch or rewrite now, and of killed ones."""
        yield from self.root.glob("*/*/*/[!.]*.part")

    def months(self) -> Iterator[Month]:
        """Yield every month that has a folder, once for each dataset."""
        for folder in self.root.glob("*/*/????-??"):
            with suppress(PermanentError):
                yield Month.parse(folder.name)

    def write_gone(self, file: Path, now: datetime) -> None:
        """Record that the vendor lists the export, but did not have its file."""
        path = sidecar(file, "gone")
        before = read_gone(path) or Gone(now, now, 0)
        first = min(before.found_at, now)  # the clock may have been ahead: the waiting time must still grow
        write_json(path, asdict(Gone(first, now, before.looks + 1)))

    def gone(self, vendor: str, record_type: str) -> dict[str, Gone]:
        """Return by export id the exports of a record type whose file was not there when it was fetched."""
        paths = (self.root / vendor / record_type).glob("*/*.gone.json")
        return {path.name.removesuffix(".gone.json"): found for path in paths if (found := read_gone(path))}

    def manifest(self, file: Path) -> Manifest | None:
        """Return the manifest of a file, or None where the file has not landed."""
        return next(readable([sidecar(file, "landed")], Manifest), None) if file.exists() else None

    def damage(self, manifest: Manifest, companion: str = "") -> str:
        """Hash a landed file and return what is wrong with it; empty where nothing is."""
        path = self.file_of(manifest, companion)
        landed = manifest.companions[companion]["sha256"] if companion else manifest.sha256
        if manifest.expired:
            return "it has expired, and its file is still there; `cdr retain` deletes it" if path.exists() else ""
        if not path.exists():
            return "the file is gone"
        try:
            with path.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            return f"it cannot be read ({error.strerror})"
        return "" if sha256 == landed else "its bytes are not those that landed"

    def requested(self) -> Iterator[RequestedExport]:
        """Yield every requested export, the oldest first."""
        yield from sorted(readable(self.root.glob("*/*/*/*.asked.json"), RequestedExport), key=by_age)

    def requested_among(self, vendor: str, export_ids: Collection[str]) -> Iterator[RequestedExport]:
        """Yield the requested exports of a vendor that have one of these ids."""
        paths = self.root.glob(f"{vendor}/*/*/*.asked.json")
        yield from readable((path for path in paths if path.name.partition(".")[0] in export_ids), RequestedExport)

    def requested_of(self, vendor: str, record_type: str, month: Month) -> Iterator[RequestedExport]:
        """Yield the requested exports of one month.

        Args:
            vendor: The vendor's name.
            record_type: The name of the dataset.
            month: The month.
        """
        folder = self.root / vendor / record_type / str(month)
        yield from readable(folder.glob("*.asked.json"), RequestedExport)

    def landed(self) -> Iterator[Manifest]:
        """Yield every manifest, that of the oldest export first."""
        yield from sorted(readable(self.root.glob("*/*/*/*.landed.json"), Manifest), key=by_age)

    def landed_of(self, vendor: str, record_type: str, month: Month) -> Iterator[Manifest]:
        """Yield the manifests of one month.

        Args:
            vendor: The vendor's name.
            record_type: The name of the dataset.
            month: The month.
        """
        folder = self.root / vendor / record_type / str(month)
        yield from readable(folder.glob("*.landed.json"), Manifest)
