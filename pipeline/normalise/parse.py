"""A block of CSV to an Arrow table of text, every record accounted for."""

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.csv

from pipeline.normalise.blocks import BOM, Block, split_records

WORDS = pa.dictionary(pa.int32(), pa.string())
"""Text of which each different cell is held once: amounts come many times, and are typed and added up once."""


@dataclass(frozen=True)
class Reject:
    """A record that was not loaded: its place among the block's records, from 0, and why."""

    place: int
    reason: str


@dataclass
class Parsed:
    """The readable records of a block as text, ``places`` saying which they are; the rest are ``rejects``."""

    text: pa.Table
    places: np.ndarray
    rejects: list[Reject] = field(default_factory=list)

    @property
    def records(self) -> int:
        """How many records the block holds."""
        return len(self.places) + len(self.rejects)


def parse(block: Block, names: tuple[str, ...], amounts: Collection[str] = ()) -> Parsed:
    """Read a block. Cells are text as served, the ``amounts`` as ``WORDS``; an empty one is null, quoted or not."""
    data, places, rejects = _readable(block)
    if bytes(data[: len(BOM)]) == BOM:  # Arrow would take it for the file's and drop it; a blank line is none
        data = b"\n" + bytes(data)
    ragged: list[pa.csv.InvalidRow] = []

    def keep(row: pa.csv.InvalidRow) -> str:
        ragged.append(row)
        return "skip"

    text = pa.csv.read_csv(
        pa.BufferReader(data or b"\n"),
        read_options=pa.csv.ReadOptions(column_names=list(names), block_size=len(data) + 2, use_threads=False),
        parse_options=pa.csv.ParseOptions(delimiter=block.delimiter, newlines_in_values=True, invalid_row_handler=keep),
        convert_options=pa.csv.ConvertOptions(
            column_types={name: WORDS if name in amounts else pa.string() for name in names},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            check_utf8=False,  # done for the whole block at once
        ),
    )
    if places is None:
        places = np.arange(text.num_rows + len(ragged))
    at = [row.number - 1 for row in ragged]
    rejects += [
        Reject(int(places[row.number - 1]), f"has {row.actual_columns} cells instead of {row.expected_columns}")
        for row in ragged
    ]
    return Parsed(text, np.delete(places, at), rejects)


def _readable(block: Block) -> tuple[bytes | memoryview, np.ndarray | None, list[Reject]]:
    """The records that can be read at all, with their places where some cannot."""
    if not block.closed:
        return b"", np.array([], dtype=int), [Reject(0, "has a quote that is never closed")]
    if _is_utf8(block.data):
        return block.data, None, []
    records = [record for _, record in split_records(block.data, block.delimiter)]
    good = [place for place, record in enumerate(records) if _is_utf8(record)]
    bad = sorted(set(range(len(records))) - set(good))
    return b"".join(records[p] for p in good), np.array(good, dtype=int), [Reject(p, "is not UTF-8") for p in bad]


def _is_utf8(data: bytes | memoryview) -> bool:
    """Asks Arrow, which makes no copy to find out."""
    ends = pa.py_buffer(np.array([0, len(data)], np.int32))
    try:
        pa.StringArray.from_buffers(1, ends, pa.py_buffer(data)).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True
