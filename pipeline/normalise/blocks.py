"""Gunzip a CSV file as a stream of blocks that end where a record ends; memory does not grow with the file."""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path

import numpy as np
from isal import igzip
from isal.isal_zlib import IsalError

from pipeline.errors import PermanentError

BLOCK_BYTES = 4 << 20
LONGEST_RECORD = 64 << 20

BOM = b"\xef\xbb\xbf"
_QUOTE, _COMMA, _LF, _CR = b'",\n\r'
_BEFORE_CELL = np.isin(np.arange(256), (_COMMA, _LF, _CR))
_TAIL = 256 << 10


@dataclass(frozen=True)
class Block:
    """Whole records as served; ``first_line`` is the physical line of the file on which they begin, from 1.

    Where a quote is never closed, the rest of the file is one record, in a block of its own that is not ``closed``.
    """

    data: bytes | memoryview
    first_line: int
    closed: bool = True


def read_blocks(path: Path, block_bytes: int = BLOCK_BYTES) -> Iterator[Block]:
    """Yield the header line alone, then all records in blocks of about ``block_bytes``.

    Raises ``PermanentError`` where the gzip is damaged: it was whole when it landed.
    """
    try:
        yield from _blocks(path, block_bytes)
    except (EOFError, gzip.BadGzipFile, IsalError) as error:
        raise PermanentError(
            f"The archived file {path.name} is damaged ({error}), so nothing was loaded; restore it from a backup."
        ) from error


def _blocks(path: Path, block_bytes: int) -> Iterator[Block]:
    line = 1
    header_read = False
    text = bytearray()
    with igzip.open(path, "rb") as stream:
        while _append(text, stream, block_bytes):
            if not header_read and b"\n" in text:
                header, _, text = text.partition(b"\n")
                yield Block(_header(header), line)
                header_read, line = True, line + 1
            end = record_end(text) if header_read else 0
            if not end and len(text) > LONGEST_RECORD:
                raise PermanentError(
                    f"A record of more than {LONGEST_RECORD} bytes begins on line {line}: is a quote open?"
                )
            if end:
                rest = text[end:]
                yield Block(memoryview(text)[:end], line)
                line += text.count(b"\n", 0, end)
                text = rest
    if text and not header_read:
        yield Block(_header(text), line)
    elif text:
        yield Block(bytes(text), line, closed=not _quoting(text)[1][-1:].any())


def _append(text: bytearray, stream: BufferedIOBase, size: int) -> int:
    """Read up to so many bytes behind the text, without a copy of them between; tells how many there were."""
    begin = len(text)
    text.extend(bytes(size))
    with memoryview(text) as room, room[begin:] as behind:
        found = stream.readinto(behind)
    del text[begin + found :]
    return found


def _header(line: bytearray) -> bytes:
    return bytes(line.removeprefix(BOM).rstrip(b"\r"))


def record_end(data: bytes | bytearray) -> int:
    """The offset after the last whole record, or 0 where there is none: a line break inside quotes ends nothing."""
    # the last part nearly always tells, at a fraction of the work
    return _end_in(data, max(len(data) - _TAIL, 0)) or _end_in(data, 0)


def _end_in(data: bytes | bytearray, begin: int) -> int:
    quotes, opened = _quoting(data[begin:], known=begin == 0)
    end = data.rfind(b"\n") + 1
    while end > begin and (before := int(np.searchsorted(quotes, end - begin))):
        if not opened[before - 1]:
            return end
        end = data.rfind(b"\n", 0, begin + int(quotes[before - 1])) + 1
    return 0 if begin else end


def split_records(data: bytes | memoryview) -> list[tuple[int, bytes]]:
    """The records of a block, each after the number of line breaks before it; blank lines are none."""
    lines, begins, ends = record_bounds(data)
    return [(int(line), bytes(data[begin:end])) for line, begin, end in zip(lines, begins, ends, strict=True)]


def record_bounds(data: bytes | memoryview) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each record of a block the number of line breaks before it, and where it begins and ends."""
    text = np.frombuffer(data or b"\n", np.uint8)  # a blank line is as good as none
    quotes, opened = _quoting(data)
    breaks = np.flatnonzero((text == _LF) | (text == _CR))
    quoted = np.append(np.False_, opened)[np.searchsorted(quotes, breaks)]
    halves = (text[breaks] == _CR) & (text.take(breaks + 1, mode="clip") == _LF)
    ends = np.append(breaks[~quoted & ~halves] + 1, len(text))
    begins = np.append(0, ends[:-1])
    # what begins with a line break is a blank line, and behind the last one there may be nothing
    held = (begins < ends) & ~np.isin(text.take(begins, mode="clip"), (_LF, _CR))
    lines = np.searchsorted(breaks[text[breaks] == _LF], begins)
    return lines[held], begins[held], ends[held]


def _quoting(data: bytes | bytearray | memoryview, *, known: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Where quotes change something, and whether the text after each lies in a quoted cell; exact, as the reader is.

    A quote opens a cell only where the cell begins, and a pair of them is a character. So of the runs of quotes
    only the odd ones count: one that follows a cell's text leaves nothing open, any other changes what is.
    Unless it is ``known`` that the data begin with a record, all counts as quoted up to the first of the former.
    """
    text = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero(text == _QUOTE)
    runs = np.flatnonzero(np.diff(quotes, prepend=-2) > 1)
    odd = quotes[runs][np.diff(runs, append=len(quotes)) % 2 == 1]
    in_text = (odd > 0) & ~_BEFORE_CELL[text[odd - 1]]
    order = np.arange(len(odd))
    closed = np.maximum.accumulate(np.where(in_text, order, -1))
    return odd, ((order - closed) % 2 == 1) | ((closed < 0) & (not known))
