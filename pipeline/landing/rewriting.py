"""Put other bytes in the place of a landed file: only where something must not be kept."""

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from isal import igzip

from pipeline.containers import SUFFIXES
from pipeline.errors import PermanentError, writing
from pipeline.landing.archive import Archive
from pipeline.landing.fetch import Fetched, stem, verify
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
    """Replace the file of a manifest, or its companion, by ``text``, gzipped.

    In ``rows`` is in how many records each number was.

    The manifest comes first: a process that is killed between the two leaves a file that the manifest calls replaced,
    and that is rewritten when it is tried again. Raises ``PermanentError`` where the file is neither that nor what
    landed, because a new checksum would hide the damage.
    """
    file = archive.file_of(manifest, companion)
    landed = manifest.companions[companion]["sha256"] if companion else manifest.sha256
    with file.open("rb") as old:
        before = hashlib.file_digest(old, "sha256").hexdigest()
    begun = [note for note in manifest.erased if note["sha256_before"] == before]
    if before != landed and not begun:
        raise PermanentError(f"{file.name} is not what landed, so nothing was erased; restore it and erase again.")
    target = file.with_name(stem(file) + SUFFIXES[0])
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    with writing(file.name, file.parent):
        try:
            with private_file(part, "wb") as out, igzip.IGzipFile("", "wb", _LEVEL, out, 0) as packed:
                packed.writelines(text)
            note = {"at": now.isoformat(), "sha256_before": before, "rows": dict(rows)}
            erased = [*(note for note in manifest.erased if note not in begun), note]
            noted = replace(_of(manifest, verify(part, companion=bool(companion)), companion), erased=erased)
            archive.write_manifest(noted)
            if file != target:  # what was no gzip is one from now on, and there are never two of them
                finalize(file, target)
            finalize(part, target)
        finally:
            part.unlink(missing_ok=True)
    return noted


def _of(manifest: Manifest, new: Fetched, companion: str) -> Manifest:
    """The manifest with the figures of a new file."""
    if companion:
        return replace(manifest, companions={**manifest.companions, companion: new.line})
    return replace(manifest, bytes=new.size, text_bytes=new.contents.text_bytes, sha256=new.sha256)
