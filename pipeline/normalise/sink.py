"""Write row groups of one Parquet file, under a temporary name until it is whole."""

import os
from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.normalise.schema import Kind

ROW_GROUP = 122_880
"""Rows per group: DuckDB's own vector size times 60, small enough to skip by time, large enough to compress."""


class ParquetSink:
    """A Parquet file in the making; it gets its name when the ``with`` block ends well, else nothing is left."""

    def __init__(self, target: Path, schema: pa.Schema) -> None:
        self._target = target
        self._part = target.with_name(f"{target.name}.part")
        self._schema = schema
        self._waiting: list[pa.Table] = []
        self._rows = 0

    def __enter__(self) -> "ParquetSink":
        self._target.parent.mkdir(parents=True, exist_ok=True)
        instants = [field.name for field in self._schema if field.type == Kind.INSTANT.value]
        self._writer = pq.ParquetWriter(
            self._part,
            self._schema,
            compression="zstd",
            compression_level=1,
            # near-unique columns gain nothing from a dictionary; times of calls in order are small differences
            use_dictionary=[
                f.name for f in self._schema if f.name not in {*instants, "call_id", "row_number", "extra"}
            ],
            column_encoding=dict.fromkeys([*instants, "row_number"], "DELTA_BINARY_PACKED"),
            store_schema=False,
        )
        return self

    def write(self, table: pa.Table) -> None:
        """Take rows; they are written when a row group is full."""
        if not table.num_rows:
            return
        self._waiting.append(table.select(self._schema.names).cast(self._schema))
        self._rows += table.num_rows
        if self._rows >= ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.concat_tables(self._waiting), row_group_size=ROW_GROUP)
        self._waiting, self._rows = [], 0

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._flush()
            self._writer.close()
            if kind is None:
                with self._part.open("rb") as written:
                    os.fsync(written.fileno())
                self._part.replace(self._target)
        finally:
            self._part.unlink(missing_ok=True)
