"""Read a landed file to its last byte, to find a cut or damaged file on the day it arrives."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.containers import DAMAGED, parts, suffix_of
from pipeline.errors import PermanentError, TransientError, UnreadableError

CHUNK = 1 << 20
MAX_TEXT_BYTES = 1 << 40
"""A file with more than a tebibyte of text is a decompression bomb, not a month of records."""

_LONGEST_HEADER = 1 << 16
_LINE_END = re.compile(rb"[\r\n]")
_NAME = re.compile(r'"?[A-Za-z_][A-Za-z0-9_.-]*"?')


@dataclass(frozen=True)
class Contents:
    """The size of a file's text in bytes, and its first line.

    ``unread`` says why the kind of file cannot be read; it is empty where the file can be read.
    """

    text_bytes: int
    header: str
    unread: str = ""


def read_through(path: Path, limit: int = MAX_TEXT_BYTES, *, any_text: bool = False) -> Contents:
    """Unpack every part of a file to its checksum, and return what the file holds.

    A complete file of a kind that cannot be read raises nothing, because the archive keeps such files too.

    Args:
        path: The file.
        limit: The most bytes of text that the file may hold.
        any_text: Accept text that is not CSV, and an empty file, which then has no header. An HTML page is refused.

    Raises:
        TransientError: The file ends early or is damaged.
        PermanentError: The file is not CSV, or holds more text than ``limit``.
    """
    size, header = 0, ""
    try:
        for text_bytes, first, last in _read(path, limit):
            size += text_bytes
            header = header or _header(path, first, any_text=any_text)
            if _is_cut(last, header):
                raise TransientError(f"{_named(path)} ends in the middle of a line; it will be fetched again.")
        return Contents(size, "" if any_text and not size else header or _header(path, b""))
    except UnreadableError as error:
        return Contents(0, "", unread=str(error))
    except EOFError as error:
        raise TransientError(f"{_named(path)} ends in the middle of its gzip; it will be fetched again.") from error
    except DAMAGED as error:
        raise TransientError(f"{_named(path)} is damaged ({error}); it will be fetched again.") from error


def _read(path: Path, limit: int) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield the size, the beginning and the end of each part that is not empty."""
    total = 0
    for part in parts(path):
        size, first, last = 0, b"", b""
        while chunk := part.read(CHUNK):
            size += len(chunk)
            if len(first) < _LONGEST_HEADER:
                first += chunk[:_LONGEST_HEADER]
            last = (last + chunk)[-_LONGEST_HEADER:]
            if total + size > limit:
                raise PermanentError(
                    f"{_named(path)} holds more than {limit} bytes, so it was not kept; tell the vendor."
                )
        total += size
        if size:
            yield size, first, last


def _is_cut(last: bytes, header: str) -> bool:
    """Whether the text ends without a line end, in a line with fewer cells than the header.

    A CR inside a line counts as a character here. The load decides whether it ends a record.
    """
    if last.endswith((b"\n", b"\r")):
        return False
    end = b"\n" if b"\n" in last else b"\r"
    line = last.rpartition(end)[2].decode("utf-8", "replace").replace("\r", " ")
    if '"' in line:  # a cell may have begun on an earlier line
        return False
    delimiter = max(",;", key=header.count)
    return line.count(delimiter) < len(_cells(header, delimiter)) - 1


def _cells(header: str, delimiter: str) -> list[str]:
    """Return the columns of a header; a header that is not CSV is one column."""
    try:
        return next(csv.reader([header], delimiter=delimiter), [])
    except csv.Error:
        return [header]


def _header(path: Path, first: bytes, *, any_text: bool = False) -> str:
    """Return the first line. It has a delimiter, or is one word, like the name of a field.

    Raises ``PermanentError`` for anything else, such as an error page, and ``UnreadableError`` where it is kept.
    """
    line = _LINE_END.split(first, maxsplit=1)[0]
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableError(
            f"{_named(path)} does not begin with a line of UTF-8; it is kept as served, tell the vendor."
        ) from error
    named = {",", ";"} & set(text) or (_NAME.fullmatch(text) and first[len(line) :])
    if named and text.lstrip()[:1] not in "<{[":
        return text
    what = f"{_named(path)} does not begin with a CSV header (but {line[:20]!r})"
    if suffix_of(path) == ".zip" or (any_text and text.lstrip()[:1] != "<"):  # an error page never comes as a ZIP
        raise UnreadableError(f"{what}; it is kept as served, tell the vendor.")
    raise PermanentError(f"{what}, so it was not kept; tell the vendor.")


def _named(path: Path) -> str:
    return f"The file of export {path.name.split('.', 1)[0]}"
