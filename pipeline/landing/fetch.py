"""Stream a vendor's file to disk: resumed after a cut, verified to the last byte, then given its name."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.containers import SUFFIXES, suffix_of
from pipeline.errors import TransientError, writing
from pipeline.landing.contents import MAX_TEXT_BYTES, Contents, read_through
from pipeline.landing.download import Bounds, Download, Open
from pipeline.storage import finalize, make_folder, private_file

CHECKED = SUFFIXES[:2]
"""What has a checksum of its own; of anything else its length must tell that it is whole."""

BOUNDS = Bounds()


@dataclass(frozen=True)
class Fetched:
    """The verified file: ``size`` and ``sha256`` of the bytes as served, and what they hold."""

    size: int
    sha256: str
    contents: Contents

    @property
    def line(self) -> Mapping[str, Any]:
        """What a manifest says of it, where it is a companion of another file."""
        found = self.contents
        return {"bytes": self.size, "text_bytes": found.text_bytes, "sha256": self.sha256, "unread": found.unread}


def fetch(open_at: Open, target: Path, bounds: Bounds = BOUNDS, *, companion: bool = False) -> Fetched:
    """Bring the file to ``target``, which never holds a part of it or anything that is not whole.

    What it is packed in decides how its name ends, whatever ``target`` says. The caller holds the month, so parts of
    other names are those of killed processes, and are removed. A ``companion`` may be of any form, and empty.
    """
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    with writing(target.name, target.parent):
        try:
            make_folder(target.parent)
            for left in target.parent.glob("*.*.[0-9]*.part"):
                left.unlink(missing_ok=True)
            with private_file(part, "wb") as out:
                sized = Download(open_at, out, _export(part), bounds).run()
            fetched = verify(part, bounds.text_bytes, companion=companion)
            suffix = suffix_of(part)
            if suffix not in CHECKED and not sized:
                raise TransientError(f"The file of export {_export(part)} came without its length; try again later.")
            finalize(part, target.with_name(stem(target) + suffix))
            for other in set(SUFFIXES) - {suffix}:  # one export is one file
                target.with_name(stem(target) + other).unlink(missing_ok=True)
        finally:
            part.unlink(missing_ok=True)
    return fetched


def verify(path: Path, limit: int = MAX_TEXT_BYTES, *, companion: bool = False) -> Fetched:
    """Hash the file and read it through."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return Fetched(path.stat().st_size, sha256, read_through(path, limit, any_text=companion))


def stem(path: Path) -> str:
    """The name of a file without what it is packed in."""
    return next(path.name.removesuffix(suffix) for suffix in SUFFIXES if path.name.endswith(suffix))


def _export(path: Path) -> str:
    """The id of the export, which has no dot."""
    return path.name.partition(".")[0]
