"""Write row groups of Parquet, several at a time, under temporary names until all of it is whole."""

import math
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, wait
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.normalise.schema import Kind
from pipeline.storage import finalize, make_folder

ROW_GROUP = 40_960
"""Rows from which on a group is written: small enough to skip by time, large enough to compress.

Of the blocks that calls are read in, two make a group. Groups of three are read no faster, and take 13 MB more while
they are gathered.
"""

_SAMPLE = 20_000
_NEAR_UNIQUE = 0.1
"""The share of different texts in a column from which on a dictionary of them is larger than the column, and slower."""


class ParquetSink:
    """A Parquet file in the making; it gets its name when the ``with`` block ends well, else nothing is left."""

    def __init__(self, target: Path, schema: pa.Schema) -> None:
        self._target = target
        self._part = target.with_name(f"{target.name}.part")
        self._schema = schema

    def __enter__(self) -> "ParquetSink":
        make_folder(self._target.parent)
        self._writer: pq.ParquetWriter | None = None
        return self

    def write(self, table: pa.Table) -> None:
        """Write rows, as a row group of their own; where they would make several, as even ones, without a stub.

        How each column is encoded follows from the first that are written.
        """
        if self._writer is None:
            self._writer = self._opened(table)
        if table.num_rows:
            groups = max(table.num_rows // ROW_GROUP, 1)
            self._writer.write_table(table, row_group_size=math.ceil(table.num_rows / groups))

    def _opened(self, like: pa.Table) -> pq.ParquetWriter:
        encodings = {field.name: _encoding(field, like[field.name]) for field in self._schema}
        return pq.ParquetWriter(
            self._part,
            self._schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=[name for name, encoding in encodings.items() if encoding is None],
            column_encoding={name: encoding for name, encoding in encodings.items() if encoding},
            # readers skip row groups by time, and calls lie in no other order
            write_statistics=[field.name for field in self._schema if field.type == Kind.TIMESTAMP.type],
            store_schema=False,
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        try:
            if kind is None and self._writer is None:
                self._writer = self._opened(self._schema.empty_table())
            if self._writer:
                self._writer.close()
            if kind is None:
                finalize(self._part, self._target)
        finally:
            self._part.unlink(missing_ok=True)


class ParquetParts:
    """Rows in the order given, gathered to row groups that the pool's threads encode, each into a file that is idle."""

    def __init__(self, schema: pa.Schema, begin: Callable[[int], ParquetSink], pool: Executor, most: int) -> None:
        self._schema, self._begin, self._pool, self._most = schema, begin, pool, most
        self._busy: deque[tuple[ParquetSink, Future[None]]] = deque()
        self._waiting: list[pa.Table] = []
        self._begun = self._rows = 0

    def write(self, table: pa.Table) -> None:
        """Take rows; they are encoded when a row group is full."""
        self._waiting.append(pa.Table.from_arrays([table[name] for name in self._schema.names], schema=self._schema))
        self._rows += table.num_rows
        if self._rows >= ROW_GROUP:
            self._encode()

    def finish(self) -> None:
        """Encode the rest; raises what any encoding raised."""
        if self._waiting:
            self._encode()
        for _, done in self._busy:
            done.result()

    def wait(self) -> None:
        """Until everything handed over is encoded, or failed."""
        wait([done for _, done in self._busy])

    def _encode(self) -> None:
        sink, group = self._idle(), pa.concat_tables(self._waiting)
        self._waiting, self._rows = [], 0
        self._busy.append((sink, self._pool.submit(sink.write, group)))
        pa.default_memory_pool().release_unused()  # else what each thread once used is kept for it

    def _idle(self) -> ParquetSink:
        """A file that nobody writes to: one that is done with, else a new one, else the first to be done."""
        if self._begun < self._most and not (self._busy and self._busy[0][1].done()):
            self._begun += 1
            return self._begin(self._begun)
        sink, done = self._busy.popleft()
        done.result()
        return sink


@contextmanager
def all_or_none() -> Iterator[list[Path]]:
    """A list of files in the making: all are removed where the ``with`` block ends badly."""
    begun: list[Path] = []
    try:
        yield begun
    except BaseException:
        for file in begun:
            file.unlink(missing_ok=True)
        raise


@contextmanager
def parquet_parts(
    target: Path, schema: pa.Schema, pool: Executor, begun: list[Path], most: int = 1
) -> Iterator[ParquetParts]:
    """Files of rows in the making: ``target``, and others beside it where it does not keep up, up to ``most``.

    Each is added to ``begun``; they are whole when the ``with`` block has ended well.
    """
    with ExitStack() as sinks:

        def begin(number: int) -> ParquetSink:
            file = target if number == 1 else target.with_name(f"{target.stem}-{number}.parquet")
            begun.append(file)
            return sinks.enter_context(ParquetSink(file, schema))

        parts = ParquetParts(schema, begin, pool, most)
        parts.write(schema.empty_table())  # where there is no row there is a file all the same
        try:
            yield parts
            parts.finish()
        finally:
            parts.wait()


def _encoding(field: pa.Field, cells: pa.ChunkedArray) -> str | None:
    """How a column is written, or None for a dictionary: what is near-unique gains nothing from one."""
    if field.type == Kind.TIMESTAMP.type or field.name == "row_number":  # in order, so their differences are small
        return "DELTA_BINARY_PACKED"
    head = cells.slice(0, _SAMPLE)
    if field.type == Kind.TEXT.type and pc.count_distinct(head).as_py() > _NEAR_UNIQUE * len(head):
        return "DELTA_LENGTH_BYTE_ARRAY"
    return None
