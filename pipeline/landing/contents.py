"""Read a landed file to its last byte, so that a cut or damaged one is found on the day it arrives."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.containers import DAMAGED, parts, suffix_of
from pipeline.errors import PermanentError, TransientError, UnreadableError

CHUNK = 1 << 20
MAX_TEXT_BYTES = 1 << 40
"""A file that holds more than a tebibyte is a decompression bomb, not a month of records."""

_LONGEST_HEADER = 1 << 16
_LINE_END = re.compile(rb"[\r\n]")
_NAME = re.compile(r'"?[A-Za-z_][A-Za-z0-9_.-]*"?')


@dataclass(frozen=True)
class Contents:
    """What a whole file holds: its size as text, and its first line.

    ``unread`` says why its kind cannot be read, and is empty where it can.
    """

    text_bytes: int
    header: str
    unread: str = ""


def read_through(path: Path, limit: int = MAX_TEXT_BYTES, *, any_text: bool = False) -> Contents:
    """Unpack every part to its checksum; raises where the file is no CSV, ends early, is damaged, or swells.

    A file that is whole but of a kind that cannot be read raises nothing: the archive is for such files too. With
    ``any_text`` that is also one of another form than CSV, unless it is a page; one that is empty has no header.
    """
    size, header = 0, ""
    try:
        for text_bytes, first, last in _read(path, limit):
            size += text_bytes
            header = header or _header(path, first, any_text=any_text)
            if _is_cut(last, header):
                raise TransientError(f"{_named(path)} ends in the middle of a line; it will be fetched anew.")
        return Contents(size, "" if any_text and not size else header or _header(path, b""))
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
    """Whether the text ends without a line end, in a line that has fewer cells than the header.

    A CR within a line is a character here: whether it ends a record is for the load to say.
    """
    if last.endswith((b"\n", b"\r")):
        return False
    end = b"\n" if b"\n" in last else b"\r"
    line = last.rpartition(end)[2].decode("utf-8", "replace").replace("\r", " ")
    if '"' in line:  # a cell may have begun lines before
        return False
    delimiter = max(",;", key=header.count)
    return line.count(delimiter) < len(_cells(header, delimiter)) - 1


def _cells(header: str, delimiter: str) -> list[str]:
    """The columns of a header; one that cannot be read as such is one cell."""
    try:
        return next(csv.reader([header], delimiter=delimiter), [])
    except csv.Error:
        return [header]


def _header(path: Path, first: bytes, *, any_text: bool = False) -> str:
    """The first line; of a single column it is one word, as a name of a field is.

    Raises ``PermanentError`` for what is an error's page and no export at all.
    """
    line = _LINE_END.split(first, maxsplit=1)[0]
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableError(f"{_named(path)} does not begin with a line of UTF-8; it is kept as served.") from error
    named = {",", ";"} & set(text) or (_NAME.fullmatch(text) and first[len(line) :])
    if named and text.lstrip()[:1] not in "<{[":
        return text
    what = f"{_named(path)} does not begin with a CSV header (but {line[:20]!r})"
    if suffix_of(path) == ".zip" or (any_text and text.lstrip()[:1] != "<"):  # which no page comes in
        raise UnreadableError(f"{what}; it is kept as served.")
    raise PermanentError(f"{what}; it was not kept.")


def _named(path: Path) -> str:
    return f"The file of export {path.name.split('.', 1)[0]}"
