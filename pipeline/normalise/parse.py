"""A block of CSV to an Arrow table of text, every record accounted for."""

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

WORDS = pa.dictionary(pa.int32(), pa.string())
"""Text of which each different cell is held once: amounts come many times, and are typed and added up once."""

OPEN = "has a quote that is never closed"

_Data = bytes | memoryview


@dataclass(frozen=True)
class Reject:
    """A record that was not loaded: its place among the block's records, from 0, and why."""

    place: int
    reason: str


@dataclass
class Parsed:
    """The records of a block whose cells could be told, as text; ``places`` says which they are.

    The rest are ``rejects``. All are ``counted`` in the bytes, too. Of the rows, the ``broken`` ones are not to be
    loaded, and in those at the places ``replaced`` each byte that is not UTF-8 became U+FFFD.
    """

    text: pa.Table
    places: np.ndarray
    counted: int
    rejects: list[Reject]
    broken: list[int]
    replaced: list[int]

    @property
    def records(self) -> int:
        """How many records were read."""
        return len(self.places) + len(self.rejects)


def parse(block: Block, names: tuple[str, ...], amounts: Collection[str] = (), surplus: int = 0) -> Parsed:
    """Read a block. Cells are text as served, the ``amounts`` as ``WORDS``; an empty one is null, quoted or not.

    In a file whose records end in so many ``surplus`` cells, those are nothing where they are empty. Elsewhere a cell
    more is a delimiter that strayed into a record, whose cells are then none that could be told.
    """
    data, replaced = _utf8(block.readable, block.delimiter)
    text, ragged = _read(data, block.delimiter, names, amounts)
    places = np.delete(np.arange(text.num_rows + len(ragged)), [row.number - 1 for row in ragged])
    counted = _counted(block, text.num_rows + len(ragged), len(names))
    trimmed = {row.number - 1: record for row in ragged if (record := _trimmed(row, block.delimiter, surplus))}
    # to read them alone takes less than to read all again
    more, _ = _read("\n".join(trimmed.values()).encode(), block.delimiter, names, amounts) if trimmed else (text, ())
    if trimmed and more.num_rows == len(trimmed) and len(places) + len(ragged) == counted:
        text, places = _in_order(text, more, np.append(places, list(trimmed)))
        ragged = [row for row in ragged if row.number - 1 not in trimmed]
    broken = _places(block) if block.broken else set[int]()
    rejects = [
        Reject(place, OPEN if place in broken else f"has {row.actual_columns} cells instead of {row.expected_columns}")
        for row in ragged
        for place in (row.number - 1,)
    ]
    rows = np.flatnonzero(np.isin(places, list(broken))).tolist() if broken else []
    return Parsed(text, places, counted, rejects, rows, replaced)


def _counted(block: Block, read: int, cells: int) -> int:
    if block.records is not None:
        return block.records
    return count_records(np.frombuffer(block.data, np.uint8), block.lines, read, Form(block.delimiter, cells))


def _read(
    data: _Data, delimiter: str, names: tuple[str, ...], amounts: Collection[str]
) -> tuple[pa.Table, list[pa.csv.InvalidRow]]:
    """The records that have a cell for every name, and those that have not."""
    if bytes(data[: len(BOM)]) == BOM:  # Arrow would take it for the file's and drop it; a blank line is none
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
            column_types={name: WORDS if name in amounts else pa.string() for name in names},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            check_utf8=False,  # done for the whole block at once
        ),
    )
    return text, ragged


def surplus_cells(block: Block, columns: int) -> int:
    """How many empty cells the first record of a block has behind the last of its columns."""
    _, _, ends = record_bounds(block.readable[:LONGEST_BYTES], block.delimiter)
    first = bytes(block.data[: ends[0] if len(ends) else 0]).decode("utf-8", "replace").strip("\r\n")
    more = next(csv.reader(io.StringIO(first, newline=""), delimiter=block.delimiter), [])[columns:]
    return 0 if any(more) else len(more)


def _trimmed(row: pa.csv.InvalidRow, delimiter: str, count: int) -> str:
    """The record without so many surplus cells at its end; nothing where it has others, or none but those."""
    if not count or row.actual_columns - row.expected_columns != count:
        return ""
    surplus = _empty_cells(delimiter, count).search(row.text)
    return row.text[: surplus.start()] if surplus else ""


def _in_order(text: pa.Table, more: pa.Table, places: np.ndarray) -> tuple[pa.Table, np.ndarray]:
    """The rows of both by their places, and these."""
    if not text.num_rows:
        return more, places
    order = np.argsort(places)
    return pa.concat_tables([text, more]).unify_dictionaries().combine_chunks().take(pa.array(order)), places[order]


@cache
def _empty_cells(delimiter: str, count: int) -> re.Pattern[str]:
    return re.compile(rf'(?:{re.escape(delimiter)}(?:"")?){{{count}}}\Z')


def _utf8(data: _Data, delimiter: str) -> tuple[_Data, list[int]]:
    """The data as UTF-8, and the places of the records in which bytes were replaced to make it so."""
    if _is_utf8(data):
        return data, []
    text = bytes(data)
    _, begins, ends = record_bounds(text, delimiter)
    beyond = np.flatnonzero(np.frombuffer(text, np.uint8) >= 0x80)
    suspects = np.unique(np.searchsorted(ends, beyond, side="right")).tolist()
    replaced = [place for place in suspects if not _is_utf8(text[begins[place] : ends[place]])]
    # a delimiter, quote or line end is never part of what is replaced
    return text.decode("utf-8", "replace").encode(), replaced


def _is_utf8(data: _Data) -> bool:
    """Asks Arrow, which makes no copy to find out."""
    ends = pa.py_buffer(np.array([0, len(data)], np.int32))
    try:
        pa.StringArray.from_buffers(1, ends, pa.py_buffer(data)).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _places(block: Block) -> set[int]:
    """Which of the block's records are broken lines."""
    _, begins, _ = record_bounds(block.readable, block.delimiter)
    return set(np.searchsorted(begins, [line.start for line in block.broken]).tolist())
