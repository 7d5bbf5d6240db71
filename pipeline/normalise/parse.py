"""Parse a block of CSV to an Arrow table of text, and account for each of its records."""

import csv
import io
import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.csv

from pipeline.normalise.blocks import BOM, Block
from pipeline.normalise.quoting import record_bounds
from pipeline.normalise.records import LONGEST_BYTES, Form, count_records

DICTIONARY_TEXT = pa.dictionary(pa.int32(), pa.string())
"""The type of amounts as text: each distinct text is held, typed and multiplied by its count once."""

UNCLOSED_QUOTE = "has a quote that is never closed"

_Data = bytes | memoryview


@dataclass(frozen=True)
class Reject:
    """A record that was not loaded: its position among the block's records, from 0, and the reason."""

    position: int
    reason: str


@dataclass
class Parsed:
    """The records of a block.

    Attributes:
        text: The cells of the records that have the right number of cells, as text.
        positions: The position of each of these rows among the block's records, from 0.
        counted: The number of records in the bytes.
        rejects: The other records.
        broken: The rows of ``text`` that have a quote which is never closed, and must not be loaded.
        replaced: The positions of the records in which a byte that is not UTF-8 became U+FFFD.
    """

    text: pa.Table
    positions: np.ndarray
    counted: int
    rejects: list[Reject]
    broken: list[int]
    replaced: list[int]

    @property
    def records(self) -> int:
        """The number of records that the parser found."""
        return len(self.positions) + len(self.rejects)


def parse(block: Block, names: tuple[str, ...], amounts: Collection[str] = (), surplus: int = 0) -> Parsed:
    """Parse a block to text. An empty cell is NULL, quoted or not.

    A record with another number of cells is rejected: a delimiter in it may be part of a cell.

    Args:
        block: Whole records.
        names: The names of the cells, in order.
        amounts: The names of the columns to return as ``DICTIONARY_TEXT``.
        surplus: The number of empty cells to ignore at the end of each record.
    """
    data, replaced = _utf8(block.readable, block.delimiter)
    text, ragged = _read(data, block.delimiter, names, amounts)
    positions = np.delete(np.arange(text.num_rows + len(ragged)), [row.number - 1 for row in ragged])
    counted = _counted(block, text.num_rows + len(ragged), len(names))
    trimmed = {row.number - 1: record for row in ragged if (record := _trimmed(row, block.delimiter, surplus))}
    # parsing these records alone takes less time than parsing all again
    more, _ = _read("\n".join(trimmed.values()).encode(), block.delimiter, names, amounts) if trimmed else (text, ())
    if trimmed and more.num_rows == len(trimmed) and len(positions) + len(ragged) == counted:
        text, positions = _in_order(text, more, np.append(positions, list(trimmed)))
        ragged = [row for row in ragged if row.number - 1 not in trimmed]
    broken = _broken_positions(block) if block.broken else set[int]()
    rejects = [Reject(row.number - 1, _reason(row, broken)) for row in ragged]
    rows = np.flatnonzero(np.isin(positions, list(broken))).tolist() if broken else []
    return Parsed(text, positions, counted, rejects, rows, replaced)


def _reason(row: pa.csv.InvalidRow, broken: Collection[int]) -> str:
    if row.number - 1 in broken:
        return UNCLOSED_QUOTE
    return f"has {row.actual_columns} cells instead of {row.expected_columns}"


def _counted(block: Block, read: int, cells: int) -> int:
    if block.records is not None:
        return block.records
    return count_records(np.frombuffer(block.data, np.uint8), block.lines, read, Form(block.delimiter, cells))


def _read(
    data: _Data, delimiter: str, names: tuple[str, ...], amounts: Collection[str]
) -> tuple[pa.Table, list[pa.csv.InvalidRow]]:
    """Return the records with a cell for every name, and the other ones."""
    if bytes(data[: len(BOM)]) == BOM:  # Arrow would drop it; after a blank line, which is not a record, it does not
        data = b"\n" + bytes(data)
    ragged: list[pa.csv.InvalidRow] = []

    def keep(row: pa.csv.InvalidRow) -> str:
        ragged.append(row)
        return "skip"

    text = pa.csv.read_csv(
        pa.BufferReader(data or b"\n"),
        read_options=pa.csv.ReadOptions(column_names=list(names), block_size=len(data) + 2, use_threads=False),
        parse_options=pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=keep),
        convert_options=pa.csv.ConvertOptions(
            column_types={name: DICTIONARY_TEXT if name in amounts else pa.string() for name in names},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            check_utf8=False,  # done for the whole block at once
        ),
    )
    return text, ragged


def surplus_cells(block: Block, columns: int) -> int:
    """Return the number of empty cells in the first record of a block beyond its columns; 0 if one is not empty."""
    _, _, ends = record_bounds(block.readable[:LONGEST_BYTES], block.delimiter)
    first = bytes(block.data[: ends[0] if len(ends) else 0]).decode("utf-8", "replace").strip("\r\n")
    more = next(csv.reader(io.StringIO(first, newline=""), delimiter=block.delimiter), [])[columns:]
    return 0 if any(more) else len(more)


def _trimmed(row: pa.csv.InvalidRow, delimiter: str, count: int) -> str:
    """Return the record without its surplus cells; empty where it does not end in exactly ``count`` empty cells."""
    if not count or row.actual_columns - row.expected_columns != count:
        return ""
    surplus = _empty_cells(delimiter, count).search(row.text)
    return row.text[: surplus.start()] if surplus else ""


def _in_order(text: pa.Table, more: pa.Table, positions: np.ndarray) -> tuple[pa.Table, np.ndarray]:
    """Return the rows of both tables in the order of their positions, and the sorted positions."""
    if not text.num_rows:
        return more, positions
    order = np.argsort(positions)
    both = pa.concat_tables([text, more]).unify_dictionaries().combine_chunks()
    return both.take(pa.array(order)), positions[order]


@cache
def _empty_cells(delimiter: str, count: int) -> re.Pattern[str]:
    return re.compile(rf'(?:{re.escape(delimiter)}(?:"")?){{{count}}}\Z')


def _utf8(data: _Data, delimiter: str) -> tuple[_Data, list[int]]:
    """Return the data as UTF-8, and the positions of the records in which bytes were replaced for that."""
    if _is_utf8(data):
        return data, []
    text = bytes(data)
    _, begins, ends = record_bounds(text, delimiter)
    beyond = np.flatnonzero(np.frombuffer(text, np.uint8) >= 0x80)
    suspects = np.unique(np.searchsorted(ends, beyond, side="right")).tolist()
    replaced = [at for at in suspects if not _is_utf8(text[begins[at] : ends[at]])]
    # the replacement never swallows a delimiter, a quote or a line end
    return text.decode("utf-8", "replace").encode(), replaced


def _is_utf8(data: _Data) -> bool:
    """Whether the data are UTF-8. Arrow tells this without a copy of the data."""
    ends = pa.py_buffer(np.array([0, len(data)], np.int32))
    try:
        pa.StringArray.from_buffers(1, ends, pa.py_buffer(data)).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _broken_positions(block: Block) -> set[int]:
    """Return the positions of the broken lines among the block's records."""
    _, begins, _ = record_bounds(block.readable, block.delimiter)
    return set(np.searchsorted(begins, [line.start for line in block.broken]).tolist())
