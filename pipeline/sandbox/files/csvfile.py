"""Write records as RFC 4180, plain or in gzip; some empty cells are written as ``""``."""

import csv
import gzip
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import IO, Any

from pipeline.sandbox.traffic.record import Cells

_BATCH = 4_000
_CRLF = "\r\n"
_RAGGED_LOSS = 2


@dataclass(frozen=True)
class Shape:
    """How a file is written; by default without faults."""

    delimiter: str = ","
    crlf: bool = False
    final_newline: bool = True
    bom: bool = False
    header_only: bool = False
    ragged: bool = False
    lacking: int = 0
    without_column: str | None = None
    extra_column: str | None = None


def write_gzip(path: Path, columns: Cells, rows: Iterable[Cells], shape: Shape) -> int:
    """Write the file in gzip; return how many records it holds.

    Args:
        path: The file.
        columns: The header.
        rows: The cells of each record.
        shape: How the CSV is written.
    """
    # No name and no time in the gzip header: the same records are the same bytes.
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 1, raw, 0) as file:
        return write_csv(file, columns, rows, shape)


def write_csv(file: IO[bytes] | gzip.GzipFile, columns: Cells, rows: Iterable[Cells], shape: Shape) -> int:
    """Write header and records; return how many records were written.

    Args:
        file: An open file.
        columns: The header.
        rows: The cells of each record.
        shape: How the CSV is written.
    """
    written = 0
    end = _CRLF if shape.crlf else "\n"
    if shape.bom:
        file.write(b"\xef\xbb\xbf")
    lines = _lines(columns, rows, shape)
    file.write(next(lines).encode())
    while batch := list(islice(lines, _BATCH)):
        file.write((end + end.join(batch)).encode())
        written += len(batch)
    if shape.final_newline:
        file.write(end.encode())
    return written


def _lines(columns: Cells, rows: Iterable[Cells], shape: Shape) -> Iterator[str]:
    if shape.header_only:
        rows = ()
    rows = islice(rows, shape.lacking, None)
    if shape.without_column:
        columns, rows = _without(columns, rows, shape.without_column)
    if shape.extra_column:
        columns, rows = (*columns, shape.extra_column), ((*row, "new") for row in rows)
    yield _quoted(columns, shape.delimiter)
    lines = _records(rows, len(columns) - 1, shape.delimiter)
    if shape.ragged:
        yield from (line.rsplit(shape.delimiter, _RAGGED_LOSS)[0] for line in islice(lines, 1))
    yield from lines


def _without(columns: Cells, rows: Iterable[Cells], name: str) -> tuple[Cells, Iterator[Cells]]:
    at = columns.index(name)
    return columns[:at] + columns[at + 1 :], (row[:at] + row[at + 1 :] for row in rows)


def _records(rows: Iterable[Cells], count: int, delimiter: str) -> Iterator[str]:
    empty, spelled, quoted = delimiter * 2, f'{delimiter}""{delimiter}', f'"{delimiter}"'
    for index, row in enumerate(rows):
        line = delimiter.join(row)
        if line.count(delimiter) != count or '"' in line or "\n" in line or "\r" in line:
            yield _quoted(row, delimiter)
        elif index % 5 == 2:
            # Replaces every other cell of a run of empty ones, so both spellings are in one line.
            yield line.replace(empty, spelled)
        elif index % 50 == 3:
            yield f'"{line.replace(delimiter, quoted)}"'
        else:
            yield line


class _Echo:
    """A file that returns what is written, for the quoting of the csv module."""

    def write(self, text: str) -> str:
        return text


@cache
def _writer(delimiter: str) -> Any:
    return csv.writer(_Echo(), delimiter=delimiter, lineterminator=_CRLF)


def _quoted(row: Cells, delimiter: str) -> str:
    # With this terminator, the module quotes cells with CR or LF on every version of Python.
    return str(_writer(delimiter).writerow(row)).removesuffix(_CRLF)
