"""Read a CSV file as blocks of whole records. Memory does not grow with the file."""

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
from pipeline.normalise.records import LONGEST_BYTES, Form, Scan, UnclosedQuoteError, scan

BLOCK_BYTES = 7 << 20
LONGEST_LINE = 64 << 20

BOM = b"\xef\xbb\xbf"
_QUOTE_SUBSTITUTE = ord("?")


@dataclass(frozen=True)
class Block:
    """Whole records as served.

    Attributes:
        data: The bytes of the records.
        first_line: The line of the file on which they begin, from 1.
        delimiter: The character between cells.
        lines: The number of lines.
        records: The number of records, counted in the bytes; None where the quick way did not count them.
        broken: The byte ranges of lines with a quote that is never closed. Each of these lines is one record.
    """

    data: bytes | memoryview
    first_line: int
    delimiter: str = ","
    lines: int = 0
    records: int | None = None
    broken: tuple[slice, ...] = ()

    @property
    def readable(self) -> bytes | memoryview:
        """The data with the quotes of broken lines replaced, so that they have no effect on other records."""
        if not self.broken:
            return self.data
        data = np.frombuffer(self.data, np.uint8).copy()
        for line in self.broken:
            data[line][data[line] == QUOTE] = _QUOTE_SUBSTITUTE
        return data.data


def read_blocks(
    path: Path, block_bytes: int = BLOCK_BYTES, delimiter: str = ",", *, quick: bool = False
) -> Iterator[Block]:
    """Yield the header line as the first block, then all records in blocks.

    In a file of several parts, lines are numbered across the parts, and the header of each later part is skipped.

    Args:
        path: The landed file.
        block_bytes: The approximate size of a block.
        delimiter: The character between cells.
        quick: Look for the end of a record at the end of each block only. This is right if no quote is left open.

    Raises:
        PermanentError: The file is damaged, or its parts have different headers.
        UnclosedQuoteError: The quick way found no end of a record for too long.
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
    """Find the end of the last whole record, without a look at the others: the quick way."""
    end = record_end(data.data, form.delimiter)
    rest = len(data) - end
    if rest > LONGEST_BYTES or (last and quoting(data[end:], form.delimiter)[1][-1:].any()):
        raise UnclosedQuoteError("A quote is open.")
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
    """Yield the blocks of one part. Return its header, and the number of the line after the part."""
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
            raise PermanentError(
                f"Line {line} has more than {LONGEST_LINE} bytes, so nothing was loaded; tell the vendor."
            )
    return (yield from _header(b"", known, line)) if header is None else header, line


def header_line(path: Path) -> bytes:
    """Return the first line of a file with its line end; raises ``PermanentError`` where the file is damaged."""
    text, last = memoryview(b""), False
    with _sound(path), closing(parts(path)) as found:
        stream = next(found)
        while not last:
            text, last = _longer(text, stream, LONGEST_BYTES)
            if end := _first_line(text, last=last):
                return bytes(text[:end])
    return bytes(text)


def _longer(text: memoryview, stream: BufferedIOBase, size: int) -> tuple[memoryview, bool]:
    """Return the text with up to ``size`` more bytes of the stream, and whether the stream has ended.

    The result is a new buffer, because a worker may still read the previous block. Arrow's allocator reuses freed
    buffers; the system's allocator would zero every page first.
    """
    room = np.frombuffer(pa.allocate_buffer(len(text) + size), np.uint8).data
    room[: len(text)] = text
    found = stream.readinto(room[len(text) :])
    return room[: len(text) + found], not found


def _first_line(text: memoryview, *, last: bool) -> int:
    """Return the offset after the first line and its LF, CR or CRLF; 0 where more bytes are needed to tell."""
    head = bytes(text)
    end = min((at for at in (head.find(b"\n"), head.find(b"\r")) if at >= 0), default=-1)
    if last and end < 0:
        return len(head)
    if head[end : end + 1] == b"\r" and not (last or head[end + 1 :]):
        return 0
    return end + (2 if head[end : end + 2] == b"\r\n" else 1)


def _header(line: bytes, known: bytes | None, number: int) -> Generator[Block, None, bytes]:
    """Yield the header as a block if this is the first part; raises where a later part has another header."""
    header = line.removeprefix(BOM).rstrip(b"\r\n")
    if known is None:
        yield Block(header, number)
    elif header != known and header:
        raise PermanentError(
            f"The part that begins on line {number} has other columns than the first, so nothing was loaded; tell the "
            "vendor."
        )
    return known if known is not None else header


def split_records(block: Block) -> list[tuple[int, bytes]]:
    """Return the records of a block, each with the number of line ends before it. Blank lines are not records."""
    lines, begins, ends = record_bounds(block.readable, block.delimiter)
    return [(int(line), bytes(block.data[begin:end])) for line, begin, end in zip(lines, begins, ends, strict=True)]
