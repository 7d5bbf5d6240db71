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
from pipeline.landing.fetch import verify
from pipeline.landing.notes import Manifest
from pipeline.storage import finalize, private_file

_LEVEL = 2


def rewrite(
    archive: Archive, manifest: Manifest, text: Iterable[bytes], rows: Mapping[str, int], now: datetime
) -> Manifest:
    """Replace the file of a manifest by ``text``, gzipped; ``rows`` says in how many records each number was.

    The manifest comes first: a process that is killed between the two leaves a file that the manifest calls replaced,
    and that is rewritten when it is tried again. Raises ``PermanentError`` where the file is neither that nor what
    landed, because a new checksum would hide the damage.
    """
    file = archive.file_of(manifest)
    with file.open("rb") as old:
        before = hashlib.file_digest(old, "sha256").hexdigest()
    begun = [note for note in manifest.erased if note["sha256_before"] == before]
    if before != manifest.sha256 and not begun:
        raise PermanentError(f"{file.name} is not what landed, so nothing was erased; restore it and erase again.")
    target = file.with_name(file.name.partition(".")[0] + SUFFIXES[0])
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    with writing(file.name, file.parent):
        try:
            with private_file(part, "wb") as out, igzip.IGzipFile("", "wb", _LEVEL, out, 0) as packed:
                packed.writelines(text)
            new = verify(part)
            note = {"at": now.isoformat(), "sha256_before": before, "rows": dict(rows)}
            noted = replace(
                manifest,
                bytes=new.size,
                text_bytes=new.contents.text_bytes,
                sha256=new.sha256,
                erased=[*(note for note in manifest.erased if note not in begun), note],
            )
            archive.note_landed(noted)
            if file != target:  # what was no gzip is one from now on, and there are never two of them
                finalize(file, target)
            finalize(part, target)
        finally:
            part.unlink(missing_ok=True)
    return noted
