"""The archive on disk: where a file lies is a function of what it is, and nothing in it is ever overwritten.

``landing/<vendor>/<type>/<month>/<export id>.csv.gz`` is a file as served, ``.zip`` or ``.csv`` where it is no gzip;
a further file of the export is called ``<export id>.<companion>.csv.gz``.
Beside it stand ``….asked.json``, what was asked for and when, and ``….landed.json``, the manifest of what was verified.
"""

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from pipeline.containers import SUFFIXES
from pipeline.errors import PermanentError
from pipeline.landing.manifests import Gone, Manifest, RequestedExport, by_age, read_json, write_json
from pipeline.months import Month

Record = TypeVar("Record", RequestedExport, Manifest)
"""A kind of note."""

_SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


@dataclass(frozen=True, order=True)
class ExportKey:
    """Where everything about one export lies."""

    vendor: str
    record_type: str
    month: Month
    export_id: str

    @classmethod
    def of(cls, path: Path) -> "ExportKey":
        """The place of a file or note; raises ``PermanentError`` where nothing of an export lies so."""
        vendor, record_type, month = path.parts[-4:-1]
        export_id = path.name.partition(".")[0]
        if str(Month.parse(month)) != month or not _SAFE_ID.fullmatch(export_id):
            raise PermanentError(f"{path.name} does not belong in the archive.")
        return cls(vendor, record_type, Month.parse(month), export_id)


class Archive:
    """The landing folder of one data directory."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def file(self, vendor: str, record_type: str, month: Month, export_id: str, companion: str = "") -> Path:
        """Where the bytes of an export lie, or will lie."""
        if not _SAFE_ID.fullmatch(export_id):
            raise PermanentError(f"Export id {export_id[:40]!r} cannot be a file name; tell the vendor's support.")
        folder = self.root / vendor / record_type / str(month)
        stem = f"{export_id}.{companion}" if companion else export_id
        places = [folder / f"{stem}{suffix}" for suffix in SUFFIXES]
        return next((place for place in places if place.exists()), places[0])

    def file_of(self, asked: RequestedExport, companion: str = "") -> Path:
        """Where the bytes of an export that was asked for lie, or will lie."""
        return self.file(asked.vendor, asked.record_type, Month.parse(asked.month), asked.export_id, companion)

    def write_request(self, asked: RequestedExport) -> None:
        """Remember that the export was asked for; the first note stays."""
        path = sidecar(self.file_of(asked), "asked")
        if not any(_readable([path], RequestedExport)):
            write_json(path, asdict(asked))

    def write_manifest(self, manifest: Manifest) -> None:
        """Write the manifest, after the file itself is in its place."""
        file = self.file_of(manifest)
        write_json(sidecar(file, "landed"), asdict(manifest))
        sidecar(file, "gone").unlink(missing_ok=True)

    def expire(self, month: str) -> None:
        """Delete every file of a month for good; the manifests stay, and say so."""
        for manifest in self.landed():
            if manifest.month == month and not manifest.expired:
                self.write_manifest(replace(manifest, expired=True))
        for file in self.files(month):
            file.unlink(missing_ok=True)

    def files(self, month: str) -> Iterator[Path]:
        """Every file of a month, also those that a killed process left."""
        yield from (file for file in self.root.glob(f"*/*/{month}/*") if file.suffix != ".json")

    def unfinished(self) -> Iterator[Path]:
        """Parts of files, of those who fetch or rewrite them now, and of processes that were killed."""
        yield from self.root.glob("*/*/*/[!.]*.part")

    def months(self) -> Iterator[Month]:
        """Every month that has a folder, once for each dataset."""
        for folder in self.root.glob("*/*/????-??"):
            with suppress(PermanentError):
                yield Month.parse(folder.name)

    def write_gone(self, file: Path, now: datetime) -> None:
        """Remember that the vendor did not have the file, although it lists the export."""
        path = sidecar(file, "gone")
        before = _gone(path) or Gone(now, now, 0)
        first = min(before.found_at, now)  # a clock that was ahead must not hide that time passes
        write_json(path, asdict(Gone(first, now, before.looks + 1)))

    def gone(self, vendor: str, record_type: str) -> dict[str, Gone]:
        """The exports of a record type whose file was not there when it was fetched."""
        notes = (self.root / vendor / record_type).glob("*/*.gone.json")
        return {note.name.removesuffix(".gone.json"): found for note in notes if (found := _gone(note))}

    def manifest(self, file: Path) -> Manifest | None:
        """The manifest of a landed file, or none where it has not landed."""
        return next(_readable([sidecar(file, "landed")], Manifest), None) if file.exists() else None

    def damage(self, manifest: Manifest, companion: str = "") -> str:
        """What is wrong with a landed file, found by hashing it again; empty where nothing is."""
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
        """Every export asked for, in the order of their creation."""
        yield from sorted(_readable(self.root.glob("*/*/*/*.asked.json"), RequestedExport), key=by_age)

    def requested_among(self, vendor: str, export_ids: Collection[str]) -> Iterator[RequestedExport]:
        """What was asked of a vendor under these ids."""
        paths = self.root.glob(f"{vendor}/*/*/*.asked.json")
        yield from _readable((path for path in paths if path.name.partition(".")[0] in export_ids), RequestedExport)

    def requested_of(self, vendor: str, record_type: str, month: Month) -> Iterator[RequestedExport]:
        """What was asked for of one month."""
        folder = self.root / vendor / record_type / str(month)
        yield from _readable(folder.glob("*.asked.json"), RequestedExport)

    def landed(self) -> Iterator[Manifest]:
        """Every manifest, in the order of the exports' creation."""
        yield from sorted(_readable(self.root.glob("*/*/*/*.landed.json"), Manifest), key=by_age)

    def landed_of(self, vendor: str, record_type: str, month: Month) -> Iterator[Manifest]:
        """The manifests of one month."""
        folder = self.root / vendor / record_type / str(month)
        yield from _readable(folder.glob("*.landed.json"), Manifest)


def _readable(paths: Iterable[Path], kind: type[Record]) -> Iterator[Record]:
    """What the notes say; of one that cannot be read, `cdr verify` tells, and no other month waits for it."""
    for path in paths:
        with suppress(PermanentError):
            yield read_sidecar(path, kind)


def read_sidecar(path: Path, kind: type[Record]) -> Record:
    """What a note says; raises ``PermanentError`` where it is torn, or about another export than its path says."""
    place, record = ExportKey.of(path), read_json(path, kind)
    if place != ExportKey(record.vendor, record.record_type, Month.parse(record.month), record.export_id):
        raise PermanentError(f"{path.name} is about another export than its path says; `cdr verify --repair` mends it.")
    return record


def sidecar(file: Path, what: str) -> Path:
    """Where a note about a file lies."""
    return file.with_name(f"{file.name.partition('.')[0]}.{what}.json")


def _gone(note: Path) -> Gone | None:
    """What a note of a missing file says; None where there is none, or it is torn: the file is looked for again."""
    try:
        content = json.loads(note.read_text(encoding="utf-8"))
        found = datetime.fromisoformat(content["found_at"])
        looked = content.get("looked_at")  # earlier notes say neither this nor how often
        return Gone(found, datetime.fromisoformat(looked) if looked else found, int(content.get("looks", 1)))
    except (OSError, ValueError, TypeError, LookupError):
        return None
