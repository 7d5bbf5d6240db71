"""Write the notes about a landed file again, from the file and from what is left of its notes."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path

from pipeline.dataset import Companion
from pipeline.errors import PermanentError, TransientError
from pipeline.landing.archive import Archive, ExportKey, Record, read_sidecar, sidecar
from pipeline.landing.fetch import verify
from pipeline.landing.manifests import Manifest, RequestedExport


def repair(archive: Archive, place: ExportKey, now: datetime) -> None:
    """Write what is torn or missing of both notes; the caller holds the month.

    Raises ``PermanentError`` where the file is damaged. Where no note says what was asked for, the file's own time says
    until when the window may have reached.
    """
    file = archive.file(place.vendor, place.record_type, place.month, place.export_id)
    manifest = _read(sidecar(file, "landed"), Manifest)
    asked = _read(sidecar(file, "asked"), RequestedExport) or manifest or _guessed(place, file)
    archive.write_request(RequestedExport(**{one.name: getattr(asked, one.name) for one in fields(RequestedExport)}))
    if manifest is None:
        beside_it = {name: archive.file_of(asked, name) for name in Companion}
        archive.write_manifest(_manifest(asked, file, {n: one for n, one in beside_it.items() if one.exists()}, now))


def _manifest(asked: RequestedExport, file: Path, companions: Mapping[Companion, Path], now: datetime) -> Manifest:
    try:
        found = verify(file)
        lines = {name.value: verify(one, companion=True).line for name, one in companions.items()}
    except (TransientError, PermanentError) as error:
        raise PermanentError(f"{file.name} is not whole, so it got no manifest; restore it from a backup.") from error
    return Manifest(
        **asdict(asked),
        landed_at=now,
        url="",
        bytes=found.size,
        text_bytes=found.contents.text_bytes,
        sha256=found.sha256,
        header=found.contents.header,
        unread=found.contents.unread,
        companions=lines,
        remade=True,
    )


def _guessed(place: ExportKey, file: Path) -> RequestedExport:
    written = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    return RequestedExport(
        vendor=place.vendor,
        record_type=place.record_type,
        month=str(place.month),
        export_id=place.export_id,
        reference="",
        window_start=place.month.start,
        window_end=min(max(written, place.month.start), place.month.end),
        created_at=written,
        filters={},
        api_version="",
    )


def _read(path: Path, kind: type[Record]) -> Record | None:
    try:
        return read_sidecar(path, kind)
    except PermanentError:
        return None
