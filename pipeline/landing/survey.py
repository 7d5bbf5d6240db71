"""Check the whole archive: which files are damaged, missing, or do not belong there."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.containers import SUFFIXES
from pipeline.dataset import Companion
from pipeline.errors import PermanentError
from pipeline.landing.archive import Archive
from pipeline.landing.fetch import unpacked_name
from pipeline.landing.manifests import Manifest, RequestedExport
from pipeline.landing.sidecars import ExportKey, Record, read_sidecar, sidecar

_FILE = re.compile(rf"[^.]+(\.({'|'.join(Companion)}))?({'|'.join(map(re.escape, SUFFIXES))})")
_SIDECAR = re.compile(r"[^.]+\.(asked|landed|gone)\.json")
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
    """Yield every fault of the archive; without ``hashed`` only what shows without reading the files."""
    exports: dict[ExportKey, None] = {}
    for path, why in _everything(archive.root):
        if why:
            yield Fault(_shown(archive, path), why)
        elif export := _export_of(archive, path):
            exports[export] = None
        elif not _UNFINISHED.fullmatch(path.name):
            yield Fault(_shown(archive, path), "it does not belong in the archive")
    for export in sorted(exports):
        yield from check_export(archive, export, hashed=hashed)


def _everything(folder: Path, depth: int = 1) -> Iterator[tuple[Path, str]]:
    """Yield every file with an empty text, and each folder that cannot be read with the reason."""
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


def check_export(archive: Archive, export: ExportKey, *, hashed: bool = True) -> Iterator[Fault]:
    """Yield every fault of one export's files and sidecars.

    Args:
        archive: The archive.
        export: The export to check.
        hashed: Hash the files. Without it, only faults are found that show without reading the files.
    """
    file = archive.file(export.vendor, export.record_type, export.month, export.export_id)
    present = file.exists()
    yield from _duplicates(archive, file)
    manifest = _read(sidecar(file, "landed"), Manifest)
    if isinstance(manifest, str):
        yield Fault(_shown(archive, sidecar(file, "landed")), manifest, export, repairable=present)
    elif manifest is None and present:
        yield Fault(_shown(archive, file), "it has no manifest", export, repairable=True)
    elif manifest and (hashed or manifest.expired or not present) and (wrong := archive.damage(manifest)):
        yield Fault(_shown(archive, file), wrong, export)
    known = manifest if isinstance(manifest, Manifest) else None
    if known or not present:  # else the repair writes a manifest that includes them
        yield from _check_companions(archive, export, known, hashed=hashed)
    if isinstance(request := _read(sidecar(file, "asked"), RequestedExport), str):
        repairable = present or known is not None
        yield Fault(_shown(archive, sidecar(file, "asked")), request, export, repairable=repairable)


def _check_companions(
    archive: Archive, export: ExportKey, manifest: Manifest | None, *, hashed: bool
) -> Iterator[Fault]:
    for name in Companion:
        file = archive.file(export.vendor, export.record_type, export.month, export.export_id, name)
        yield from _duplicates(archive, file)
        if manifest is None or name not in manifest.companions:
            if file.exists():
                yield Fault(_shown(archive, file), "no manifest knows it", export)
        elif (hashed or manifest.expired or not file.exists()) and (wrong := archive.damage(manifest, name)):
            yield Fault(_shown(archive, file), wrong, export)


def _duplicates(archive: Archive, file: Path) -> Iterator[Fault]:
    """Yield a fault for every other file of the same name with another suffix."""
    paths = [file.with_name(f"{unpacked_name(file)}{suffix}") for suffix in SUFFIXES]
    for other in (path for path in paths if path != file and path.exists()):
        yield Fault(_shown(archive, other), f"it is a second file of the export, beside {file.name}")


def _read(path: Path, kind: type[Record]) -> Record | str | None:
    """Return the content of a sidecar, or what is wrong with it; None where there is no sidecar."""
    if not path.exists():
        return None
    try:
        return read_sidecar(path, kind)
    except PermanentError:
        return "it is torn, or describes something else"


def _export_of(archive: Archive, path: Path) -> ExportKey | None:
    """Return the export of a file; None where the file does not belong in the archive."""
    known = _FILE.fullmatch(path.name) or _SIDECAR.fullmatch(path.name)
    if len(path.relative_to(archive.root).parts) != _DEPTH or not known or not path.is_file():
        return None
    try:
        return ExportKey.of(path)
    except PermanentError:
        return None


def _shown(archive: Archive, path: Path) -> str:
    return path.relative_to(archive.root).as_posix()
