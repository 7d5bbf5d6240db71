"""The archive on disk: where a file lies is a function of what it is, and nothing in it is ever overwritten.

``landing/<vendor>/<type>/<month>/<export id>.csv.gz`` is a file as served, ``.zip`` or ``.csv`` where it is no gzip.
Beside it stand ``….asked.json``, what was asked for and when, and ``….landed.json``, the manifest of what was verified.
"""

import hashlib
import json
import re
from collections.abc import Collection, Iterator
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path

from pipeline.containers import SUFFIXES
from pipeline.errors import PermanentError
from pipeline.landing.notes import AskedFor, Gone, Manifest, by_age, read_json, write_json
from pipeline.months import Month

_SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


class Archive:
    """The landing folder of one data directory."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def file(self, vendor: str, record_type: str, month: Month, export_id: str) -> Path:
        """Where the bytes of an export lie, or will lie."""
        if not _SAFE_ID.fullmatch(export_id):
            raise PermanentError(f"Export id {export_id[:40]!r} cannot be a file name; tell the vendor's support.")
        folder = self.root / vendor / record_type / str(month)
        places = [folder / f"{export_id}{suffix}" for suffix in SUFFIXES]
        return next((place for place in places if place.exists()), places[0])

    def file_of(self, asked: AskedFor) -> Path:
        """Where the bytes of an export that was asked for lie, or will lie."""
        return self.file(asked.vendor, asked.record_type, Month.parse(asked.month), asked.export_id)

    def note_asked(self, asked: AskedFor) -> None:
        """Remember that the export was asked for; the first note stays."""
        path = _beside(self.file_of(asked), "asked")
        if not path.exists():
            write_json(path, asdict(asked))

    def note_landed(self, manifest: Manifest) -> None:
        """Write the manifest, after the file itself is in its place."""
        file = self.file_of(manifest)
        write_json(_beside(file, "landed"), asdict(manifest))
        _beside(file, "gone").unlink(missing_ok=True)

    def expire(self, month: str) -> None:
        """Delete every file of a month for good; the manifests stay, and say so."""
        for manifest in self.landed():
            if manifest.month == month and not manifest.expired:
                self.note_landed(replace(manifest, expired=True))
        for file in self.files(month):
            file.unlink(missing_ok=True)

    def files(self, month: str) -> Iterator[Path]:
        """Every file of a month, also those that a killed process left."""
        yield from (file for file in self.root.glob(f"*/*/{month}/*") if file.suffix != ".json")

    def note_gone(self, file: Path, now: datetime) -> None:
        """Remember that the vendor did not have the file, although it lists the export."""
        path = _beside(file, "gone")
        before = _gone(path) if path.exists() else Gone(now, now, 0)
        first = min(before.found_at, now)  # a clock that was ahead must not hide that time passes
        write_json(path, asdict(Gone(first, now, before.looks + 1)))

    def gone(self, vendor: str, record_type: str) -> dict[str, Gone]:
        """The exports of a record type whose file was not there when it was fetched."""
        notes = (self.root / vendor / record_type).glob("*/*.gone.json")
        return {note.name.removesuffix(".gone.json"): _gone(note) for note in notes}

    def manifest(self, file: Path) -> Manifest | None:
        """The manifest of a landed file, or none where it has not landed."""
        path = _beside(file, "landed")
        return read_json(path, Manifest) if path.exists() and file.exists() else None

    def damage(self, manifest: Manifest) -> str:
        """What is wrong with a landed file, found by hashing it again; empty where nothing is."""
        path = self.file_of(manifest)
        if manifest.expired:
            return ""
        if not path.exists():
            return "the file is gone"
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return "" if sha256 == manifest.sha256 else "its bytes are not those that landed"

    def damaged(self) -> Iterator[tuple[Manifest, str]]:
        """Every file that is not what its manifest says, and what is wrong with it."""
        found = ((manifest, self.damage(manifest)) for manifest in self.landed())
        yield from ((manifest, wrong) for manifest, wrong in found if wrong)

    def asked(self) -> Iterator[AskedFor]:
        """Every export asked for, in the order of their creation."""
        yield from sorted((read_json(p, AskedFor) for p in self.root.glob("*/*/*/*.asked.json")), key=by_age)

    def asked_among(self, vendor: str, export_ids: Collection[str]) -> Iterator[AskedFor]:
        """What was asked of a vendor under these ids."""
        for path in self.root.glob(f"{vendor}/*/*/*.asked.json"):
            if path.name.partition(".")[0] in export_ids:
                yield read_json(path, AskedFor)

    def asked_of(self, vendor: str, record_type: str, month: Month) -> Iterator[AskedFor]:
        """What was asked for of one month."""
        folder = self.root / vendor / record_type / str(month)
        yield from (read_json(path, AskedFor) for path in folder.glob("*.asked.json"))

    def landed(self) -> Iterator[Manifest]:
        """Every manifest, in the order of the exports' creation."""
        yield from sorted((read_json(p, Manifest) for p in self.root.glob("*/*/*/*.landed.json")), key=by_age)

    def landed_of(self, vendor: str, record_type: str, month: Month) -> Iterator[Manifest]:
        """The manifests of one month."""
        folder = self.root / vendor / record_type / str(month)
        yield from (read_json(path, Manifest) for path in folder.glob("*.landed.json"))


def _beside(file: Path, what: str) -> Path:
    return file.with_name(f"{file.name.partition('.')[0]}.{what}.json")


def _gone(note: Path) -> Gone:
    content = json.loads(note.read_text(encoding="utf-8"))
    found = datetime.fromisoformat(content["found_at"])
    looked = content.get("looked_at")  # earlier notes say neither this nor how often
    return Gone(found, datetime.fromisoformat(looked) if looked else found, content.get("looks", 1))
