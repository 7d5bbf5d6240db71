"""Unpack a CSV file as a stream of blocks that end where a record ends; memory does not grow with the file."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import cache
from io import BufferedIOBase
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.containers import DAMAGED, parts
from pipeline.errors import PermanentError

BLOCK_BYTES = 7 << 20
LONGEST_RECORD = 64 << 20

BOM = b"\xef\xbb\xbf"
_QUOTE, _LF, _CR = b'"\n\r'
_TAIL = 64 << 10


@dataclass(frozen=True)
class Block:
    """Whole records as served; ``first_line`` is the physical line of the file on which they begin, from 1.

    Where a quote is never closed, the rest of the file is one record, in a block of its own that is not ``closed``.
    """

    data: bytes | memoryview
    first_line: int
    closed: bool = True
    delimiter: str = ","


def read_blocks(path: Path, block_bytes: int = BLOCK_BYTES, delimiter: str = ",") -> Iterator[Block]:
    """Yield the header line alone, then all records in blocks of about ``block_bytes``.

    Of a file in several parts the lines are counted through, and so is the header that each part repeats. Raises
    ``PermanentError`` where the file is damaged: it was whole when it landed.
    """
    try:
        header, line = None, 1
        for part in parts(path):
            header, line = yield from _blocks(part, block_bytes, delimiter, header, line)
    except DAMAGED as error:
        raise PermanentError(
            f"The archived file {path.name} is damaged ({error}), so nothing was loaded; restore it from a backup."
        ) from error


def _blocks(
    stream: BufferedIOBase, block_bytes: int, delimiter: str, known: bytes | None, line: int
) -> Generator[Block, None, tuple[bytes, int]]:
    """The blocks of one part; returns its header, and the line after it."""
    header: bytes | None = None
    text = memoryview(b"")
    while more := _longer(text, stream, block_bytes):
        text = more
        if header is None and (end := bytes(text).find(b"\n")) >= 0:
            header = yield from _header(bytes(text[:end]), known, line)
            text, line = text[end + 1 :], line + 1
        end = record_end(text, delimiter) if header is not None else 0
        if not end and len(text) > LONGEST_RECORD:
            raise PermanentError(
                f"A record of more than {LONGEST_RECORD} bytes begins on line {line}: is a quote open?"
            )
        if end:
            yield Block(text[:end], line, delimiter=delimiter)
            line += _breaks(text[:end])
            text = text[end:]
    if header is None:
        header = yield from _header(bytes(text), known, line)
        line += 1
    elif text:
        yield Block(text, line, not _quoting(text, delimiter)[1][-1:].any(), delimiter)
        line += _breaks(text) + 1
    return header, line


def _longer(text: memoryview, stream: BufferedIOBase, size: int) -> memoryview | None:
    """The text and up to so many bytes behind it, or None at the end.

    They get memory of their own, because whoever was given a block may be reading it still. It is Arrow's, which hands
    out again what a block gave back; the system would zero it first, page by page.
    """
    room = np.frombuffer(pa.allocate_buffer(len(text) + size), np.uint8).data
    room[: len(text)] = text
    found = stream.readinto(room[len(text) :])
    return room[: len(text) + found] if found else None


def _header(line: bytes, known: bytes | None, number: int) -> Generator[Block, None, bytes]:
    """The header as a block, unless an earlier part has shown it; a part with another one is none of this file."""
    header = line.removeprefix(BOM).rstrip(b"\r")
    if known is None:
        yield Block(header, number)
    elif header != known and header:
        raise PermanentError(
            f"The part that begins on line {number} has other columns than the first; tell the vendor."
        )
    return known if known is not None else header


def _breaks(text: memoryview) -> int:
    """How many lines end in it; many times faster than counting them as bytes."""
    return int(np.count_nonzero(np.frombuffer(text, np.uint8) == _LF))


def record_end(data: bytes | memoryview, delimiter: str = ",") -> int:
    """The offset after the last whole record, or 0 where there is none: a line break inside quotes ends nothing."""
    # the last part nearly always tells, at a fraction of the work
    return _end_in(data, max(len(data) - _TAIL, 0), delimiter) or _end_in(data, 0, delimiter)


def _end_in(data: bytes | memoryview, begin: int, delimiter: str) -> int:
    part = bytes(data[begin:])
    quotes, opened = _quoting(part, delimiter, known=begin == 0)
    end = part.rfind(b"\n") + 1
    while end and (before := int(np.searchsorted(quotes, end))):
        if not opened[before - 1]:
            return begin + end
        end = part.rfind(b"\n", 0, int(quotes[before - 1])) + 1
    return 0 if begin else end


def split_records(data: bytes | memoryview, delimiter: str = ",") -> list[tuple[int, bytes]]:
    """The records of a block, each after the number of line breaks before it; blank lines are none."""
    lines, begins, ends = record_bounds(data, delimiter)
    return [(int(line), bytes(data[begin:end])) for line, begin, end in zip(lines, begins, ends, strict=True)]


def record_bounds(
    data: bytes | memoryview, delimiter: str = ",", records: int = -1
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each record of a block the number of line breaks before it, and where it begins and ends.

    Where it has as many lines as it is known to have ``records``, each is one, and no quote need be looked at.
    """
    text = np.frombuffer(data or b"\n", np.uint8)  # a blank line is as good as none
    feeds = np.flatnonzero(text == _LF)
    crs = (text == _CR).any()
    if not crs and text[-1] == _LF and len(feeds) == records:
        return np.arange(records), np.append(0, feeds[:-1] + 1), feeds + 1
    quotes, opened = _quoting(data, delimiter)
    breaks = np.flatnonzero((text == _LF) | (text == _CR)) if crs else feeds
    quoted = np.append(np.False_, opened)[np.searchsorted(quotes, breaks)]
    halves = (text[breaks] == _CR) & (text.take(breaks + 1, mode="clip") == _LF)
    ends = np.append(breaks[~quoted & ~halves] + 1, len(text))
    begins = np.append(0, ends[:-1])
    # what begins with a line break is a blank line, and behind the last one there may be nothing
    held = (begins < ends) & ~np.isin(text.take(begins, mode="clip"), (_LF, _CR))
    return np.searchsorted(feeds, begins)[held], begins[held], ends[held]


@cache
def _before_cell(delimiter: str) -> np.ndarray:
    """Of each byte, whether a cell may begin after it."""
    return np.isin(np.arange(256), (ord(delimiter), _LF, _CR))


def _quoting(data: bytes | memoryview, delimiter: str, *, known: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Where quotes change something, and whether the text after each lies in a quoted cell; exact, as the reader is.

    A quote opens a cell only where the cell begins, and a pair of them is a character. So of the runs of quotes
    only the odd ones count: one that follows a cell's text leaves nothing open, any other changes what is.
    Unless it is ``known`` that the data begin with a record, all counts as quoted up to the first of the former.
    """
    text = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero(text == _QUOTE)
    runs = np.flatnonzero(np.diff(quotes, prepend=-2) > 1)
    odd = quotes[runs][np.diff(runs, append=len(quotes)) % 2 == 1]
    in_text = (odd > 0) & ~_before_cell(delimiter)[text[odd - 1]]
    order = np.arange(len(odd))
    closed = np.maximum.accumulate(np.where(in_text, order, -1))
    return odd, ((order - closed) % 2 == 1) | ((closed < 0) & (not known))
