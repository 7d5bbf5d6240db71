"""Read a landed file to its last byte, so that a cut or damaged one is found on the day it arrives."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.containers import DAMAGED, parts, suffix_of
from pipeline.errors import PermanentError, TransientError, UnreadableError

CHUNK = 1 << 20
MAX_TEXT_BYTES = 1 << 40
"""A file that holds more than a tebibyte is a decompression bomb, not a month of records."""

_LONGEST_HEADER = 1 << 16


@dataclass(frozen=True)
class Contents:
    """What a whole file holds: its size as text, and its first line.

    ``unread`` says why its kind cannot be read, and is empty where it can.
    """

    text_bytes: int
    header: str
    unread: str = ""


def read_through(path: Path, limit: int = MAX_TEXT_BYTES) -> Contents:
    """Unpack every part to its checksum; raises where the file is no CSV, ends early, is damaged, or swells.

    A file that is whole but of a kind that cannot be read raises nothing: the archive is for such files too.
    """
    size, header = 0, ""
    try:
        for text_bytes, first, last in _read(path, limit):
            size += text_bytes
            header = header or _header(path, first)
            if _is_cut(last, header):
                raise TransientError(f"{_named(path)} ends in the middle of a line; it will be fetched anew.")
        return Contents(size, header or _header(path, b""))
    except UnreadableError as error:
        return Contents(0, "", unread=str(error))
    except EOFError as error:
        raise TransientError(f"{_named(path)} ends in the middle of its gzip; it will be fetched anew.") from error
    except DAMAGED as error:
        raise TransientError(f"{_named(path)} is damaged ({error}); it will be fetched anew.") from error


def _read(path: Path, limit: int) -> Iterator[tuple[int, bytes, bytes]]:
    """Of each part its size, its beginning and its end."""
    total = 0
    for part in parts(path):
        size, first, last = 0, b"", b""
        while chunk := part.read(CHUNK):
            size += len(chunk)
            if len(first) < _LONGEST_HEADER:
                first += chunk[:_LONGEST_HEADER]
            last = (last + chunk)[-_LONGEST_HEADER:]
            if total + size > limit:
                raise PermanentError(f"{_named(path)} holds more than {limit} bytes; it was not kept.")
        total += size
        if size:
            yield size, first, last


def _is_cut(last: bytes, header: str) -> bool:
    """Whether the text ends without a line break, in a line that has fewer cells than the header."""
    if last.endswith(b"\n"):
        return False
    delimiter = max(",;", key=header.count)
    line = last.rpartition(b"\n")[2].decode("utf-8", "replace")
    if '"' in line:  # a cell may have begun lines before
        return False
    cells, wanted = (len(next(csv.reader([text], delimiter=delimiter), [])) for text in (line, header))
    return cells < wanted


def _header(path: Path, first: bytes) -> str:
    """The first line; raises ``PermanentError`` for what is an error's page and no export at all."""
    line = first.split(b"\n", 1)[0].rstrip(b"\r")
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableError(f"{_named(path)} does not begin with a line of UTF-8; it is kept as served.") from error
    if {",", ";"} & set(text) and text.lstrip()[:1] not in "<{[":
        return text
    what = f"{_named(path)} does not begin with a CSV header (but {line[:20]!r})"
    if suffix_of(path) == ".zip":  # which no page comes in
        raise UnreadableError(f"{what}; it is kept as served.")
    raise PermanentError(f"{what}; it was not kept.")


def _named(path: Path) -> str:
    return f"The file of export {path.name.split('.', 1)[0]}"
