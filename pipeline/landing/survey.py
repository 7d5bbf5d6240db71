"""Look at everything that lies in the archive: what is damaged, what is missing, and what does not belong there."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.containers import SUFFIXES
from pipeline.dataset import Companion
from pipeline.errors import PermanentError
from pipeline.landing.archive import Archive, ExportKey, Record, read_sidecar, sidecar
from pipeline.landing.fetch import stem
from pipeline.landing.manifests import Manifest, RequestedExport

_FILE = re.compile(rf"[^.]+(\.({'|'.join(Companion)}))?({'|'.join(map(re.escape, SUFFIXES))})")
_NOTE = re.compile(r"[^.]+\.(asked|landed|gone)\.json")
_UNFINISHED = re.compile(r".*\.part")
_DEPTH = 4


@dataclass(frozen=True)
class Fault:
    """A ``path`` in the archive and what is wrong with it; ``repairable`` if the file alone can restore the rest."""

    path: str
    says: str
    export: ExportKey | None = None
    repairable: bool = False

    def __str__(self) -> str:
        return f"{self.path}: {self.says}"


def survey(archive: Archive, *, hashed: bool = True) -> Iterator[Fault]:
    """Everything that is wrong; without ``hashed`` only what can be seen without reading the files."""
    places: dict[ExportKey, None] = {}
    for path, why in _everything(archive.root):
        if why:
            yield Fault(_shown(archive, path), why)
        elif place := _place(archive, path):
            places[place] = None
        elif not _UNFINISHED.fullmatch(path.name):
            yield Fault(_shown(archive, path), "it does not belong in the archive")
    for place in sorted(places):
        yield from check_export(archive, place, hashed=hashed)


def _everything(folder: Path, depth: int = 1) -> Iterator[tuple[Path, str]]:
    """Every file, and each folder that cannot be looked into, with the reason."""
    try:
        found = sorted(folder.iterdir()) if folder.exists() else []
    except OSError as error:
        yield folder, f"it cannot be looked into ({error.strerror})"
        return
    for path in found:
        if path.is_dir() and depth < _DEPTH:
            yield from _everything(path, depth + 1)
        else:
            yield path, ""


def check_export(archive: Archive, place: ExportKey, *, hashed: bool = True) -> Iterator[Fault]:
    """What is wrong with one export's file and notes."""
    first = archive.file(place.vendor, place.record_type, place.month, place.export_id)
    held = first.exists()
    yield from _second(archive, first)
    manifest = _read(sidecar(first, "landed"), Manifest)
    if isinstance(manifest, str):
        yield Fault(_shown(archive, sidecar(first, "landed")), manifest, place, repairable=held)
    elif manifest is None and held:
        yield Fault(_shown(archive, first), "it has no manifest", place, repairable=True)
    elif manifest and (hashed or manifest.expired or not held) and (wrong := archive.damage(manifest)):
        yield Fault(_shown(archive, first), wrong, place)
    known = manifest if isinstance(manifest, Manifest) else None
    if known or not held:  # else the manifest is made again with them
        yield from _companions(archive, place, known, hashed=hashed)
    if isinstance(asked := _read(sidecar(first, "asked"), RequestedExport), str):
        repairable = held or known is not None
        yield Fault(_shown(archive, sidecar(first, "asked")), asked, place, repairable=repairable)


def _companions(archive: Archive, place: ExportKey, manifest: Manifest | None, *, hashed: bool) -> Iterator[Fault]:
    """What is wrong with the further files of an export."""
    for name in Companion:
        file = archive.file(place.vendor, place.record_type, place.month, place.export_id, name)
        yield from _second(archive, file)
        if manifest is None or name not in manifest.companions:
            if file.exists():
                yield Fault(_shown(archive, file), "no manifest knows it", place)
        elif (hashed or manifest.expired or not file.exists()) and (wrong := archive.damage(manifest, name)):
            yield Fault(_shown(archive, file), wrong, place)


def _second(archive: Archive, first: Path) -> Iterator[Fault]:
    """Every other file of the same name that is packed otherwise."""
    names = [first.with_name(f"{stem(first)}{suffix}") for suffix in SUFFIXES]
    for other in (name for name in names if name != first and name.exists()):
        yield Fault(_shown(archive, other), f"it is a second file of the export, beside {first.name}")


def _read(path: Path, kind: type[Record]) -> Record | str | None:
    """The note, or what is wrong with it; None where there is none."""
    if not path.exists():
        return None
    try:
        return read_sidecar(path, kind)
    except PermanentError:
        return "it is torn, or the note of something else"


def _place(archive: Archive, path: Path) -> ExportKey | None:
    """The place of a file, if it belongs in the archive at all."""
    known = _FILE.fullmatch(path.name) or _NOTE.fullmatch(path.name)
    if len(path.relative_to(archive.root).parts) != _DEPTH or not known or not path.is_file():
        return None
    try:
        return ExportKey.of(path)
    except PermanentError:
        return None


def _shown(archive: Archive, path: Path) -> str:
    return path.relative_to(archive.root).as_posix()
