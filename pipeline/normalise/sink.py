"""Write rows as Parquet files: row groups are encoded by several threads, and a file gets its name when it is whole.

Two classes: ``ParquetSink`` writes one file. ``ParquetOutput`` owns all files of a conversion, from their creation to
their names: when its ``with`` block ends, either all of them have their names or none exists.
"""

import math
from collections import deque
from concurrent.futures import Executor, Future, wait
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.normalise.schema import Kind
from pipeline.storage import finalize, make_folder, removed_on_error

ROW_GROUP = 40_960
"""The fewest rows of a full row group: small enough to skip by time, large enough to compress.

Two blocks of calls make one row group. Groups of three blocks are read no faster, and take 13 MB more memory.
"""

_SAMPLE = 20_000
_NEAR_UNIQUE = 0.1
"""The share of distinct texts from which a dictionary is larger than the column, and slower."""


class ParquetSink:
    """One Parquet file, written under a temporary name.

    As a context manager it gets its name when the block succeeds, and is removed when the block fails.
    """

    def __init__(self, target: Path, schema: pa.Schema) -> None:
        make_folder(target.parent)
        self.target = target
        self._part = target.with_name(f"{target.name}.part")
        self._schema = schema
        self._writer: pq.ParquetWriter | None = None

    def write(self, table: pa.Table) -> None:
        """Write rows as one row group, or as several of equal size. The first rows decide how columns are encoded."""
        if self._writer is None:
            self._writer = self._opened(table)
        if table.num_rows:
            groups = max(table.num_rows // ROW_GROUP, 1)
            self._writer.write_table(table, row_group_size=math.ceil(table.num_rows / groups))

    def finalize(self) -> None:
        """Complete the file and give it its name."""
        writer = self._writer or self._opened(self._schema.empty_table())
        writer.close()
        finalize(self._part, self.target)

    def discard(self) -> None:
        """Remove the unfinished file."""
        if self._writer:
            with suppress(OSError, pa.ArrowException):  # the disk that failed may fail again
                self._writer.close()
        self._part.unlink(missing_ok=True)

    def __enter__(self) -> "ParquetSink":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.finalize()
        finally:
            self.discard()

    def _opened(self, like: pa.Table) -> pq.ParquetWriter:
        encodings = {field.name: _encoding(field, like[field.name]) for field in self._schema}
        return pq.ParquetWriter(
            self._part,
            self._schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=[name for name, encoding in encodings.items() if encoding is None],
            column_encoding={name: encoding for name, encoding in encodings.items() if encoding},
            # readers skip row groups by time, and by no other column are calls in order
            write_statistics=[field.name for field in self._schema if field.type == Kind.TIMESTAMP.type],
            store_schema=False,
        )


class ParquetTable:
    """The rows of one table in the order given, spread over up to ``most_files`` files.

    Rows are gathered to row groups. A thread of the pool encodes each group into a file that no other thread uses.
    """

    def __init__(self, target: Path, schema: pa.Schema, pool: Executor, most_files: int) -> None:
        self.sinks: list[ParquetSink] = []
        self._target, self._schema, self._pool, self._most_files = target, schema, pool, most_files
        self._busy: deque[tuple[ParquetSink, Future[None]]] = deque()
        self._gathered = [schema.empty_table()]  # a table without rows has a file too
        self._rows = 0

    def write(self, table: pa.Table) -> None:
        """Take rows. They are encoded when a row group is full."""
        self._gathered.append(pa.Table.from_arrays([table[name] for name in self._schema.names], schema=self._schema))
        self._rows += table.num_rows
        if self._rows >= ROW_GROUP:
            self._encode()

    def flush(self) -> None:
        """Encode the remaining rows; raises what any thread raised."""
        if self._gathered:
            self._encode()
        for _, done in self._busy:
            done.result()

    def wait(self) -> None:
        """Wait until no thread uses a file any more."""
        wait([done for _, done in self._busy])

    def _encode(self) -> None:
        sink, group = self._free_sink(), pa.concat_tables(self._gathered)
        self._gathered, self._rows = [], 0
        self._busy.append((sink, self._pool.submit(sink.write, group)))
        pa.default_memory_pool().release_unused()  # else memory is kept for each thread that once used it

    def _free_sink(self) -> ParquetSink:
        """Return a file that no thread uses: one that is idle, else a new one, else the first that becomes idle."""
        if len(self.sinks) < self._most_files and not (self._busy and self._busy[0][1].done()):
            number = len(self.sinks) + 1
            name = self._target.name if number == 1 else f"{self._target.stem}-{number}.parquet"
            self.sinks.append(ParquetSink(self._target.with_name(name), self._schema))
            return self.sinks[-1]
        sink, done = self._busy.popleft()
        done.result()
        return sink


class ParquetOutput:
    """Owns all Parquet files of a conversion: when the ``with`` block ends, all have their names, or none exists."""

    def __init__(self, pool: Executor) -> None:
        self._pool = pool
        self._tables: list[ParquetTable] = []

    def table(self, target: Path, schema: pa.Schema, most_files: int = 1) -> ParquetTable:
        """Add a table.

        Args:
            target: The path of its first file; further files get a number in their names. None of them may exist.
            schema: The columns to write.
            most_files: The most files that threads write to at the same time.
        """
        self._tables.append(ParquetTable(target, schema, self._pool, most_files))
        return self._tables[-1]

    def __enter__(self) -> "ParquetOutput":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        with removed_on_error() as named:
            try:
                if kind is None:
                    self._finalize(named)
            finally:
                self._discard_unfinished()

    def _finalize(self, named: list[Path]) -> None:
        for table in self._tables:
            table.flush()
        for sink in (sink for table in self._tables for sink in table.sinks):
            named.append(sink.target)
            sink.finalize()

    def _discard_unfinished(self) -> None:
        for table in self._tables:
            table.wait()
        for sink in (sink for table in self._tables for sink in table.sinks):
            sink.discard()


def _encoding(field: pa.Field, cells: pa.ChunkedArray) -> str | None:
    """Return the encoding of a column, or None for a dictionary, which does not suit near-unique text."""
    if field.type == Kind.TIMESTAMP.type or field.name == "row_number":  # in order, so their differences are small
        return "DELTA_BINARY_PACKED"
    head = cells.slice(0, _SAMPLE)
    if field.type == Kind.TEXT.type and pc.count_distinct(head).as_py() > _NEAR_UNIQUE * len(head):
        return "DELTA_LENGTH_BYTE_ARRAY"
    return None
