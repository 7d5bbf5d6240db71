"""The further files of an export: records that its vendor kept out of it. They are counted, but not loaded."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.dataset import Companion
from pipeline.errors import PermanentError
from pipeline.normalise.batch import Batch, ServedRecords, type_block
from pipeline.normalise.blocks import Block, read_blocks
from pipeline.normalise.header import layout
from pipeline.normalise.parse import Reject
from pipeline.normalise.table import Table
from pipeline.normalise.totals import Totals, totals_of, unknown_totals

REASON = "was left out by the vendor as possibly malicious"

CompanionFiles = Mapping[Companion, Path]
"""The further files that can be read."""


@dataclass(frozen=True)
class Sanitized:
    """One block of a sanitized file: the ``batch`` of typed rows, and the records as ``served``.

    Amounts are ``known`` where the file has every control column.
    """

    batch: Batch
    served: ServedRecords
    known: bool
    control: tuple[str, ...]

    @property
    def text(self) -> Totals:
        """The totals of all records."""
        return self.batch.text if self.known else unknown_totals(self.batch.records, self.control)

    @property
    def untyped(self) -> Totals:
        """The totals of the records that could not be typed."""
        return self.batch.diverted if self.known else unknown_totals(len(self.batch.rejected), self.control)

    def totals_of(self, rows: pa.Table) -> Totals:
        """Return the totals of some of the typed rows."""
        return totals_of(rows, self.control) if self.known else unknown_totals(rows.num_rows, self.control)

    def rejected(self, positions: list[int]) -> list[tuple[Reject, int, str]]:
        """Return the typed records at these positions and all records that could not be typed, in the file's order."""
        typed = [(Reject(at, REASON), *self.served.record(at)) for at in positions]
        untyped = [
            (Reject(one.position, f"{REASON}; {one.reason}"), line, raw) for one, line, raw in self.batch.rejected
        ]
        return sorted([*typed, *untyped], key=lambda one: one[0].position)


def sanitized(files: CompanionFiles, table: Table, what: str) -> Iterator[Sanitized]:
    """Yield the records that were left out as possibly malicious, block by block.

    Where the file has the columns of the table, its records are typed: their timestamps tell the month of each.

    Args:
        files: The further files of the export.
        table: How the rows of the export are typed.
        what: The name of the export in error messages.
    """
    if Companion.SANITIZED not in files:
        return
    blocks = read_blocks(files[Companion.SANITIZED], delimiter=table.delimiter)
    header = str(next(blocks, Block(b"", 1)).data, "utf-8", "replace")
    shape = None
    with suppress(PermanentError):  # with other columns only the text of its records is known
        shape = layout(header, table.header_versions, what, table.delimiter)
    known = shape is not None and set(table.control) <= set(shape.names)
    for block in blocks:
        batch = type_block(block, shape, table, what) if shape else _opaque(block, table)
        yield Sanitized(batch, ServedRecords(block, batch.records), known, table.control)


def _opaque(block: Block, table: Table) -> Batch:
    """Return the batch of records whose columns are unknown: all of them are rejected."""
    records = block.records or 0
    served, unknown = ServedRecords(block, records), unknown_totals(records, table.control)
    rejected = [(Reject(at, "its columns are others"), *served.record(at)) for at in range(records)]
    empty = table.schema.empty_table()
    return Batch(empty, np.arange(0), rejected, records, 0, unknown, unknown, {})


def failed_records(files: CompanionFiles, table: Table) -> int | None:
    """Return the number of records that failed at the vendor; None without a file of them."""
    if Companion.ERRORS not in files:
        return None
    blocks = read_blocks(files[Companion.ERRORS], delimiter=table.delimiter)
    return sum(block.records or 0 for block in islice(blocks, 1, None))
