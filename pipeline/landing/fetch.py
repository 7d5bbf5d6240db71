"""Download a vendor's file: resumed after a cut, verified to the last byte, then given its name."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.containers import SUFFIXES, suffix_of
from pipeline.errors import TransientError, writing
from pipeline.landing.contents import MAX_TEXT_BYTES, Contents, read_through
from pipeline.landing.download import Download, Limits, OpenAt
from pipeline.storage import finalize, make_folder, private_file

CHECKED = SUFFIXES[:2]
"""Suffixes of files that contain a checksum. Any other file needs a length from the server to be known as whole."""

DEFAULT_LIMITS = Limits()


@dataclass(frozen=True)
class Fetched:
    """A verified file: ``size`` in bytes and ``sha256`` as served, and its contents."""

    size: int
    sha256: str
    contents: Contents

    @property
    def entry(self) -> Mapping[str, Any]:
        """The entry of this file in ``Manifest.companions``."""
        found = self.contents
        return {"bytes": self.size, "text_bytes": found.text_bytes, "sha256": self.sha256, "unread": found.unread}


def fetch(open_at: OpenAt, target: Path, limits: Limits = DEFAULT_LIMITS, *, companion: bool = False) -> Fetched:
    """Download a file, verify it, and give it its name. ``target`` never holds an incomplete file.

    The caller holds the lock of the month, so ``.part`` files of other processes are left over from killed ones. They
    are removed.

    Args:
        open_at: Opens the remote file from a byte offset.
        target: The path to write. The content decides the suffix: it replaces that of ``target``.
        limits: How large the file may be, and how long the download may take.
        companion: The file may have any form, and may be empty.

    Raises:
        TransientError: The download or the file was incomplete or damaged.
        PermanentError: The file is not an export, is too large, or could not be written.
    """
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    with writing(target.name, target.parent):
        try:
            make_folder(target.parent)
            for left in target.parent.glob("*.*.[0-9]*.part"):
                left.unlink(missing_ok=True)
            with private_file(part, "wb") as out:
                sized = Download(open_at, out, _export(part), limits).run()
            fetched = verify(part, limits.text_bytes, companion=companion)
            suffix = suffix_of(part)
            if suffix not in CHECKED and not sized:
                raise TransientError(f"The file of export {_export(part)} came without its length; try again later.")
            finalize(part, target.with_name(unpacked_name(target) + suffix))
            for other in set(SUFFIXES) - {suffix}:  # an export has one file
                target.with_name(unpacked_name(target) + other).unlink(missing_ok=True)
        finally:
            part.unlink(missing_ok=True)
    return fetched


def verify(path: Path, limit: int = MAX_TEXT_BYTES, *, companion: bool = False) -> Fetched:
    """Hash a file and read it to its end; raises as ``read_through`` does.

    Args:
        path: The file.
        limit: The most bytes of text that the file may hold.
        companion: The file may have any form, and may be empty.
    """
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return Fetched(path.stat().st_size, sha256, read_through(path, limit, any_text=companion))


def unpacked_name(path: Path) -> str:
    """Return the name of a file without the suffix of its container."""
    return next(path.name.removesuffix(suffix) for suffix in SUFFIXES if path.name.endswith(suffix))


def _export(path: Path) -> str:
    """Return the id of the export, which contains no dot."""
    return path.name.partition(".")[0]
