"""The further files of an export: records that its vendor kept out of it. They are counted, and none is loaded."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.dataset import Companion
from pipeline.errors import PermanentError
from pipeline.normalise.batch import Batch, Served, type_block
from pipeline.normalise.blocks import Block, read_blocks
from pipeline.normalise.header import layout
from pipeline.normalise.parse import Reject
from pipeline.normalise.table import Table
from pipeline.normalise.totals import Totals, of_table, unread

REASON = "was left out by the vendor as possibly malicious"

Files = Mapping[Companion, Path]
"""The further files that can be read."""


@dataclass(frozen=True)
class Sanitized:
    """Some records of a sanitized file: the ``batch`` of what they would be, and each as it was ``served``.

    Their amounts are ``known`` where the file has every column that is added up.
    """

    batch: Batch
    served: Served
    known: bool
    control: tuple[str, ...]

    @property
    def text(self) -> Totals:
        """The totals of all of them."""
        return self.batch.text if self.known else unread(self.batch.records, self.control)

    @property
    def untyped(self) -> Totals:
        """The totals of those that no rule fits."""
        return self.batch.diverted if self.known else unread(len(self.batch.rejected), self.control)

    def of(self, rows: pa.Table) -> Totals:
        """The totals of some of the typed ones."""
        return of_table(rows, self.control) if self.known else unread(rows.num_rows, self.control)

    def rejected(self, places: list[int]) -> list[tuple[Reject, int, str]]:
        """The typed records at these places, and those that no rule fits, in the file's order."""
        typed = [(Reject(place, REASON), *self.served.record(place)) for place in places]
        odd = [(Reject(one.place, f"{REASON}; {one.reason}"), line, raw) for one, line, raw in self.batch.rejected]
        return sorted([*typed, *odd], key=lambda one: one[0].place)


def sanitized(files: Files, table: Table, what: str) -> Iterator[Sanitized]:
    """The records that were left out as possibly malicious, block by block.

    They are typed like those of the file where their columns are the same, which tells whose month they are.
    """
    if Companion.SANITIZED not in files:
        return
    blocks = read_blocks(files[Companion.SANITIZED], delimiter=table.delimiter)
    header = str(next(blocks, Block(b"", 1)).data, "utf-8", "replace")
    shape = None
    with suppress(PermanentError):  # other columns: nothing is known of its records but their text
        shape = layout(header, table.header_versions, what, table.delimiter)
    known = shape is not None and set(table.control) <= set(shape.names)
    for block in blocks:
        batch = type_block(block, shape, table, what) if shape else _opaque(block, table)
        yield Sanitized(batch, Served(block, batch.records), known, table.control)


def _opaque(block: Block, table: Table) -> Batch:
    """Records whose columns are unknown."""
    records = block.records or 0
    served, nothing = Served(block, records), unread(records, table.control)
    rejected = [(Reject(place, "its columns are others"), *served.record(place)) for place in range(records)]
    empty = table.schema.empty_table()
    return Batch(empty, np.arange(0), rejected, records, 0, nothing, nothing, {})


def failed(files: Files, table: Table) -> int | None:
    """How many records failed at the vendor; None where there is no file of them."""
    if Companion.ERRORS not in files:
        return None
    blocks = read_blocks(files[Companion.ERRORS], delimiter=table.delimiter)
    return sum(block.records or 0 for block in islice(blocks, 1, None))
