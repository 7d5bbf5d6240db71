"""Read a gzip to its last byte, so that a cut or damaged one is found on the day it arrives."""

import csv
import gzip
from dataclasses import dataclass
from pathlib import Path

from isal import igzip
from isal.isal_zlib import IsalError

from pipeline.errors import PermanentError, TransientError

CHUNK = 1 << 20
MAX_TEXT_BYTES = 1 << 40
"""A gzip that holds more than a tebibyte is a decompression bomb, not a month of calls."""

_MAGIC = b"\x1f\x8b"
_LONGEST_HEADER = 1 << 16


@dataclass(frozen=True)
class Contents:
    """What a whole gzip holds: its size as text, and its first line."""

    text_bytes: int
    header: str


def read_through(path: Path, limit: int = MAX_TEXT_BYTES) -> Contents:
    """Gunzip every member to its checksum; raises where it is not gzip, ends early, is damaged, or swells."""
    with path.open("rb") as file:
        head = file.read(64)
    if not head.startswith(_MAGIC):
        raise PermanentError(f"{_named(path)} is not gzip (it begins with {head[:20]!r}); it was not kept.")
    size = 0
    first = last = b""
    try:
        with igzip.open(path, "rb") as stream:
            while chunk := stream.read(CHUNK):
                size += len(chunk)
                if len(first) < _LONGEST_HEADER:
                    first += chunk[:_LONGEST_HEADER]
                last = (last + chunk)[-_LONGEST_HEADER:]
                if size > limit:
                    raise PermanentError(f"{_named(path)} holds more than {limit} bytes; it was not kept.")
    except EOFError as error:
        raise TransientError(f"{_named(path)} ends in the middle of its gzip; it will be fetched anew.") from error
    except (gzip.BadGzipFile, IsalError) as error:
        raise TransientError(f"{_named(path)} is damaged ({error}); it will be fetched anew.") from error
    header = _header(path, first)
    if _is_cut(last, header):
        raise TransientError(f"{_named(path)} ends in the middle of a line; it will be fetched anew.")
    return Contents(size, header)


def _is_cut(last: bytes, header: str) -> bool:
    """Whether the text ends without a line break, in a line that has fewer cells than the header."""
    if last.endswith(b"\n"):
        return False
    line = last.rpartition(b"\n")[2].decode("utf-8", "replace")
    return len(next(csv.reader([line]), [])) < len(next(csv.reader([header]), []))


def _header(path: Path, first: bytes) -> str:
    line = first.split(b"\n", 1)[0].rstrip(b"\r")
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PermanentError(f"{_named(path)} does not begin with a line of UTF-8; it was not kept.") from error
    if "," not in text or text.lstrip().startswith("<"):
        raise PermanentError(f"{_named(path)} does not begin with a CSV header; it was not kept.")
    return text


def _named(path: Path) -> str:
    return f"The file of export {path.name.split('.', 1)[0]}"
