"""Unpack a CSV file as a stream of blocks that end where a record ends; memory does not grow with the file."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from io import BufferedIOBase
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.containers import DAMAGED, parts
from pipeline.errors import PermanentError
from pipeline.normalise.header import cells_of
from pipeline.normalise.quoting import QUOTE, line_count, quoting, record_bounds, record_end
from pipeline.normalise.records import LONGEST_BYTES, Form, QuoteAstrayError, Scan, scan

BLOCK_BYTES = 7 << 20
LONGEST_LINE = 64 << 20

BOM = b"\xef\xbb\xbf"
_TAKEN_FOR_A_QUOTE = ord("?")


@dataclass(frozen=True)
class Block:
    """Whole records as served; ``first_line`` is the physical line of the file on which they begin, from 1.

    ``records`` is how many there are, counted in the bytes, unless each was not looked at. On the ``broken`` lines a
    quote was left open: each is a record of its own.
    """

    data: bytes | memoryview
    first_line: int
    delimiter: str = ","
    lines: int = 0
    records: int | None = None
    broken: tuple[slice, ...] = ()

    @property
    def readable(self) -> bytes | memoryview:
        """The data, in which the quotes of broken lines are other characters, so that they change nothing."""
        if not self.broken:
            return self.data
        data = np.frombuffer(self.data, np.uint8).copy()
        for line in self.broken:
            data[line][data[line] == QUOTE] = _TAKEN_FOR_A_QUOTE
        return data.data


def read_blocks(
    path: Path, block_bytes: int = BLOCK_BYTES, delimiter: str = ",", *, quick: bool = False
) -> Iterator[Block]:
    """Yield the header line alone, then all records in blocks of about ``block_bytes``.

    Of a file in several parts the lines are counted through, and so is the header that each part repeats. Raises
    ``PermanentError`` where the file is damaged: it was whole when it landed. The ``quick`` way looks at the end of
    each block alone, and is right as long as every record of it is what it seems; it raises ``QuoteAstrayError`` where
    no record ends for too long.
    """
    with _sound(path):
        header, line = None, 1
        for part in parts(path):
            header, line = yield from _blocks(
                part, block_bytes, Form(delimiter), header, line, _ends if quick else scan
            )


@contextmanager
def _sound(path: Path) -> Iterator[None]:
    try:
        yield
    except DAMAGED as error:
        raise PermanentError(
            f"The archived file {path.name} is damaged ({error}), so nothing was loaded; restore it from a backup."
        ) from error


def _ends(data: np.ndarray, form: Form, *, last: bool) -> Scan:
    """The whole records, as their end tells."""
    end = record_end(data.data, form.delimiter)
    rest = len(data) - end
    if rest > LONGEST_BYTES or (last and quoting(data[end:], form.delimiter)[1][-1:].any()):
        raise QuoteAstrayError("A quote is open.")
    end = len(data) if last else end
    return Scan(end, None, line_count(data[:end]))


def _blocks(
    stream: BufferedIOBase,
    block_bytes: int,
    form: Form,
    known: bytes | None,
    line: int,
    find: Callable[..., Scan],
) -> Generator[Block, None, tuple[bytes, int]]:
    """The blocks of one part; returns its header, and the line after it."""
    header: bytes | None = None
    text, last = memoryview(b""), False
    while not last:
        text, last = _longer(text, stream, block_bytes)
        if header is None and (end := _first_line(text, last=last)):
            header = yield from _header(bytes(text[:end]), known, line)
            form = replace(form, cells=len(cells_of(str(header, "utf-8", "replace"), form.delimiter)))
            text, line = text[end:], line + 1
        if header is not None and len(text):
            found = find(np.frombuffer(text, np.uint8), form, last=last)
            if found.end:
                yield Block(text[: found.end], line, form.delimiter, found.lines, found.records, found.broken)
            text, line = text[found.end :], line + found.lines
        if len(text) > LONGEST_LINE:
            raise PermanentError(f"Line {line} has more than {LONGEST_LINE} bytes, so nothing was loaded; is it CSV?")
    return (yield from _header(b"", known, line)) if header is None else header, line


def header_line(path: Path) -> bytes:
    """The first line of a file as it stands there, with its line end; raises ``PermanentError`` as ``read_blocks``."""
    text, last = memoryview(b""), False
    with _sound(path), closing(parts(path)) as found:
        stream = next(found)
        while not last:
            text, last = _longer(text, stream, LONGEST_BYTES)
            if end := _first_line(text, last=last):
                return bytes(text[:end])
    return bytes(text)


def _longer(text: memoryview, stream: BufferedIOBase, size: int) -> tuple[memoryview, bool]:
    """The text and up to so many bytes behind it, and whether there are no more.

    They get memory of their own, because whoever was given a block may be reading it still. It is Arrow's, which hands
    out again what a block gave back; the system would zero it first, page by page.
    """
    room = np.frombuffer(pa.allocate_buffer(len(text) + size), np.uint8).data
    room[: len(text)] = text
    found = stream.readinto(room[len(text) :])
    return room[: len(text) + found], not found


def _first_line(text: memoryview, *, last: bool) -> int:
    """Where the first line ends, behind its LF, CR or both; 0 where that cannot be told yet."""
    head = bytes(text)
    end = min((at for at in (head.find(b"\n"), head.find(b"\r")) if at >= 0), default=-1)
    if last and end < 0:
        return len(head)
    if head[end : end + 1] == b"\r" and not (last or head[end + 1 :]):
        return 0
    return end + (2 if head[end : end + 2] == b"\r\n" else 1)


def _header(line: bytes, known: bytes | None, number: int) -> Generator[Block, None, bytes]:
    """The header as a block, unless an earlier part has shown it; a part with another one is none of this file."""
    header = line.removeprefix(BOM).rstrip(b"\r\n")
    if known is None:
        yield Block(header, number)
    elif header != known and header:
        raise PermanentError(
            f"The part that begins on line {number} has other columns than the first; tell the vendor."
        )
    return known if known is not None else header


def split_records(block: Block) -> list[tuple[int, bytes]]:
    """The records of a block as served, each after the number of line ends before it; blank lines are none."""
    lines, begins, ends = record_bounds(block.readable, block.delimiter)
    return [(int(line), bytes(block.data[begin:end])) for line, begin, end in zip(lines, begins, ends, strict=True)]
