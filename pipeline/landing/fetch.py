"""Stream a vendor's file to disk: resumed after a cut, verified to the last byte, then given its name."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import requests
import urllib3

from pipeline.containers import SUFFIXES, suffix_of
from pipeline.errors import TransientError, writing
from pipeline.landing.contents import CHUNK, MAX_TEXT_BYTES, Contents, read_through
from pipeline.storage import finalize, make_folder

MAX_RESUMES = 5
"""How often one download is taken up again before the attempt is given back to whoever repeats runs."""

PLAIN = SUFFIXES[-1]
"""What is packed in nothing has no checksum of its own, so its length must tell that it is whole."""

Open = Callable[[int, str], requests.Response]
"""Open the remote file from a byte offset, provided that it is still the one with the given ETag."""


@dataclass(frozen=True)
class Fetched:
    """The verified file: ``size`` and ``sha256`` of the bytes as served, and what they hold."""

    size: int
    sha256: str
    contents: Contents


def fetch(open_at: Open, target: Path, limit: int = MAX_TEXT_BYTES) -> Fetched:
    """Bring the file to ``target``, which never holds a part of it or anything that is not whole.

    What it is packed in decides how its name ends, whatever ``target`` says. The caller holds the month, so parts of
    other names are those of killed processes, and are removed.
    """
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    with writing(target.name, target.parent):
        try:
            make_folder(target.parent)
            for left in target.parent.glob("*.*.[0-9]*.part"):
                left.unlink(missing_ok=True)
            sized = _download(open_at, part)
            fetched = verify(part, limit)
            suffix = suffix_of(part)
            if suffix == PLAIN and not sized:
                raise TransientError(f"The file of export {_export(part)} came without its length; try again later.")
            finalize(part, target.with_name(_export(target) + suffix))
        finally:
            part.unlink(missing_ok=True)
    return fetched


def verify(path: Path, limit: int = MAX_TEXT_BYTES) -> Fetched:
    """Hash the file and read it through."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return Fetched(path.stat().st_size, sha256, read_through(path, limit))


def _download(open_at: Open, part: Path) -> bool:
    """Write the bytes as served; whether the vendor said how many there are."""
    etag = ""
    with part.open("wb") as out:
        for resumes in range(MAX_RESUMES + 1):
            with open_at(out.tell(), etag) as response:
                if response.status_code != requests.codes.partial_content:
                    out.seek(0)
                    out.truncate()
                etag = response.headers.get("ETag", "")
                sized = "Content-Length" in response.headers or "Transfer-Encoding" in response.headers
                if _append(response, out.write):
                    break
            if resumes == MAX_RESUMES:
                raise TransientError(f"The download of {_export(part)} broke off too often; try again later.")
    return sized


def _export(path: Path) -> str:
    """The id of the export, which has no dot."""
    return path.name.partition(".")[0]


def _append(response: requests.Response, write: Callable[[bytes], object]) -> bool:
    """Write the body as served, and say whether it came to its end.

    ``raw`` is read, because ``iter_content`` would gunzip the file wherever something on the way declared
    ``Content-Encoding: gzip``.
    """
    try:
        for chunk in response.raw.stream(CHUNK, decode_content=False):
            write(chunk)
    except urllib3.exceptions.HTTPError:
        return False
    return True
