"""Write an answer as CSV, JSON or Parquet, row by row and without rounding."""

import csv
import json
import math
from collections.abc import Callable, Iterator, Mapping
from datetime import date, time
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import PermanentError, writing
from pipeline.storage import whole
from pipeline.warehouse.reading import Stream, answering, only_select, opened, streamed

_ROW_GROUP = 122_880
"""Rows that Parquet keeps together; DuckDB's own number."""


def as_csv(found: Stream, out: IO[str]) -> None:
    """Write a line of names, then a line for each row. NULL is empty, lists and maps are JSON."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(found.names)
    writer.writerows([_cell(value) for value in row] for row in found.rows)


def as_json(found: Stream, out: IO[str]) -> None:
    """Write an object a line. Decimals are text, so that no reader rounds them; timestamps are ISO 8601, UTC."""
    _distinct(found.names)
    for row in found.rows:
        values = {name: _plain(value) for name, value in zip(found.names, row, strict=True)}
        out.write(json.dumps(values, ensure_ascii=False, allow_nan=False) + "\n")


TEXT: Mapping[str, Callable[[Stream, IO[str]], None]] = {".csv": as_csv, ".jsonl": as_json}
SUFFIXES = (*TEXT, ".parquet")


def write(warehouse: Path, query: str, target: Path) -> None:
    """Write the whole answer to a file; a failure leaves the old file as it was.

    Args:
        warehouse: The path of the published file.
        query: One SELECT.
        target: The file to write, whose suffix is one of ``SUFFIXES``.
    """
    with writing(target.name, target.parent), whole(target) as part:
        if target.suffix == ".parquet":
            _write_parquet(warehouse, query, part)
        else:
            with streamed(warehouse, query) as found, part.open("x", encoding="utf-8", newline="") as out:
                TEXT[target.suffix](found, out)


def _write_parquet(warehouse: Path, query: str, part: Path) -> None:
    """Write by Arrow: DuckDB's own writer would make a sum of integers a DOUBLE, not a DECIMAL(38, 0)."""
    with opened(warehouse) as db:
        with answering():
            reader = db.sql(only_select(query)).to_arrow_reader(_ROW_GROUP)
        with reader:  # left open, it would block the next connection of this process
            _distinct(reader.schema.names)
            try:
                with pq.ParquetWriter(part, reader.schema, compression="zstd") as writer:
                    for batch in _batches(reader):
                        writer.write_batch(batch)
            except pa.ArrowNotImplementedError as error:
                raise PermanentError(f"Parquet cannot hold this answer ({error}); cast that column.") from error


def _batches(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    """Yield the batches; raise ``PermanentError``, not a failure of the disk, at a row that cannot be computed."""
    try:
        yield from reader
    except OSError as error:
        raise PermanentError(f"The query could not be answered: {error}; correct it and run it again.") from error


def _distinct(names: list[str]) -> None:
    if twice := {name for name in names if names.count(name) > 1}:
        raise PermanentError(f"Two columns are named {min(twice)}; tell them apart with AS.")


def _cell(value: object) -> object:
    if isinstance(value, bool | bytes | dict | list | tuple):
        plain = _plain(value)
        return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)
    return value


def _plain(value: object) -> object:
    """Return the value as JSON can hold it: else as text, and NaN and infinity as null."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {str(_plain(key)): _plain(one) for key, one in value.items()}
        case list() | tuple():
            return [_plain(one) for one in value]
        case date() | time():  # a datetime is a date
            return value.isoformat()
        case bytes():
            return value.hex()
    return str(value)
