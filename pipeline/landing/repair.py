"""Restore the sidecars of a landed file from the file and from the sidecar that is left."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path

from pipeline.dataset import Companion
from pipeline.errors import PermanentError, TransientError
from pipeline.landing.archive import Archive
from pipeline.landing.fetch import verify
from pipeline.landing.manifests import Manifest, RequestedExport
from pipeline.landing.sidecars import ExportKey, Record, read_sidecar, sidecar


def repair(archive: Archive, export: ExportKey, now: datetime) -> None:
    """Write the sidecars of an export that are torn or missing. The caller holds the lock of the month.

    Where neither sidecar is left, the window of the export ends at the time of the file: that is the latest possible.

    Args:
        archive: The archive that holds the file.
        export: The export to repair.
        now: The time to write into a new manifest, aware.

    Raises:
        PermanentError: The file is damaged.
    """
    file = archive.file(export.vendor, export.record_type, export.month, export.export_id)
    manifest = _read(sidecar(file, "landed"), Manifest)
    request = _read(sidecar(file, "asked"), RequestedExport) or manifest or _inferred(export, file)
    archive.write_request(RequestedExport(**{one.name: getattr(request, one.name) for one in fields(RequestedExport)}))
    if manifest is None:
        companions = {name: archive.file_of(request, name) for name in Companion}
        present = {name: path for name, path in companions.items() if path.exists()}
        archive.write_manifest(_manifest(request, file, present, now))


def _manifest(request: RequestedExport, file: Path, companions: Mapping[Companion, Path], now: datetime) -> Manifest:
    try:
        found = verify(file)
        entries = {name.value: verify(path, companion=True).entry for name, path in companions.items()}
    except (TransientError, PermanentError) as error:
        raise PermanentError(f"{file.name} is not whole, so it got no manifest; restore it from a backup.") from error
    return Manifest(
        **asdict(request),
        landed_at=now,
        url="",
        bytes=found.size,
        text_bytes=found.contents.text_bytes,
        sha256=found.sha256,
        header=found.contents.header,
        unread=found.contents.unread,
        companions=entries,
        remade=True,
    )


def _inferred(export: ExportKey, file: Path) -> RequestedExport:
    """Return the request as far as the path and the time of the file show it."""
    written = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    return RequestedExport(
        vendor=export.vendor,
        record_type=export.record_type,
        month=str(export.month),
        export_id=export.export_id,
        reference="",
        window_start=export.month.start,
        window_end=min(max(written, export.month.start), export.month.end),
        created_at=written,
        filters={},
        api_version="",
    )


def _read(path: Path, kind: type[Record]) -> Record | None:
    try:
        return read_sidecar(path, kind)
    except PermanentError:
        return None
