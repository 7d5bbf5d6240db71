"""Replace the bytes of a landed file. Only for what must not be kept, such as an erased number.

The steps of a rewrite:

1. Hash the file as it is. It must be what landed, or what an interrupted rewrite was about to replace.
2. Write the new file beside it, gzipped, and verify it.
3. Write the manifest, with the new checksum and the one of step 1.
4. Give the new file its name.

A process killed between 3 and 4 leaves the old file, which the manifest lists as replaced. The next rewrite accepts
that file in step 1, and repeats the rest.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from isal import igzip

from pipeline.containers import SUFFIXES
from pipeline.errors import PermanentError, writing
from pipeline.landing.archive import Archive
from pipeline.landing.fetch import Fetched, unpacked_name, verify
from pipeline.landing.manifests import Manifest
from pipeline.storage import finalize, private_file

_LEVEL = 2


def rewrite(
    archive: Archive,
    manifest: Manifest,
    text: Iterable[bytes],
    rows: Mapping[str, int],
    now: datetime,
    companion: str = "",
) -> Manifest:
    """Replace the file of a manifest, or its companion, by ``text``; return the new manifest.

    Args:
        archive: The archive that holds the file.
        manifest: The manifest as it is now.
        text: The new content, piece by piece; it may read the old file.
        rows: For each erased number, by its fingerprint, the number of records it was in.
        now: The time of the erasure, aware.
        companion: The name of the companion to replace; empty for the file of records.
    """
    file = archive.file_of(manifest, companion)
    before = _checksum(file)
    completed = _completed(manifest, file, before, companion)
    target = file.with_name(unpacked_name(file) + SUFFIXES[0])
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    with writing(file.name, file.parent):
        try:
            _write_gzip(part, text)
            new = _with_file(manifest, verify(part, companion=bool(companion)), companion)
            entry = {"at": now.isoformat(), "sha256_before": before, "rows": dict(rows)}
            new = replace(new, erased=[*completed, entry])
            archive.write_manifest(new)
            if file != target:  # a file that was not gzip becomes gzip, and there must never be both
                finalize(file, target)
            finalize(part, target)
        finally:
            part.unlink(missing_ok=True)
    return new


def _completed(manifest: Manifest, file: Path, checksum: str, companion: str) -> Sequence[Mapping[str, Any]]:
    """Return the entries of earlier rewrites that were not interrupted.

    Raises ``PermanentError`` where the file is neither what landed nor what an interrupted rewrite was about to
    replace. A new checksum would hide that damage.
    """
    landed = manifest.companions[companion]["sha256"] if companion else manifest.sha256
    completed = [entry for entry in manifest.erased if entry["sha256_before"] != checksum]
    if checksum != landed and len(completed) == len(manifest.erased):
        raise PermanentError(f"{file.name} is not what landed, so nothing was erased; restore it and erase again.")
    return completed


def _checksum(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _write_gzip(path: Path, text: Iterable[bytes]) -> None:
    with private_file(path, "wb") as out, igzip.IGzipFile("", "wb", _LEVEL, out, 0) as packed:
        packed.writelines(text)


def _with_file(manifest: Manifest, new: Fetched, companion: str) -> Manifest:
    """Return the manifest with the figures of a new file."""
    if companion:
        return replace(manifest, companions={**manifest.companions, companion: new.entry})
    return replace(manifest, bytes=new.size, text_bytes=new.contents.text_bytes, sha256=new.sha256)
