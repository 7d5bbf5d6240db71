"""Convert one landed file to Parquet: blocks are read in order, typed by threads, and written in order."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import pyarrow as pa

from pipeline.dataset import Companion
from pipeline.errors import writing
from pipeline.normalise.accounting import Converted, LoadAccounting, Origin
from pipeline.normalise.batch import type_block
from pipeline.normalise.blocks import BLOCK_BYTES, Block, read_blocks
from pipeline.normalise.companions import CompanionFiles, failed_records, sanitized
from pipeline.normalise.header import layout
from pipeline.normalise.parse import surplus_cells
from pipeline.normalise.records import UnclosedQuoteError
from pipeline.normalise.schema import REJECTED, in_file
from pipeline.normalise.sink import ParquetOutput
from pipeline.normalise.table import Table

__all__ = ["WORKERS", "Converted", "Origin", "convert"]

WORKERS = min(4, os.cpu_count() or 1)

_In = TypeVar("_In")
_Out = TypeVar("_Out")


def convert(
    file: Path,
    origin: Origin,
    table: Table,
    target: Path,
    rejected_target: Path,
    workers: int = WORKERS,
    block_bytes: int = BLOCK_BYTES,
    companions: CompanionFiles = MappingProxyType({}),
) -> Converted:
    """Write the typed rows and the rejected records of a landed file, and return the account of its records.

    The quick way looks for record ends at the end of each block only. Where it meets a quote that was left open, the
    file is read again, record by record. Memory does not grow with the file.

    Args:
        file: The landed file.
        origin: The export that it holds.
        table: How its rows are typed.
        target: The Parquet file of rows. A large file gets further files beside it, see ``Converted.files``.
        rejected_target: The Parquet file of records that cannot be typed, or that the vendor left out.
        workers: The number of threads.
        block_bytes: The bytes of text that a thread types at once.
        companions: The further files of the export.

    Raises:
        PermanentError: A column is missing, the file is damaged, or the account does not balance. No file is left.
    """
    run = partial(_convert, file, origin, table, target, rejected_target, workers, block_bytes, companions)
    try:
        return run(quick=True)
    except UnclosedQuoteError:
        return run(quick=False)


def _convert(
    file: Path,
    origin: Origin,
    table: Table,
    target: Path,
    rejected_target: Path,
    workers: int,
    block_bytes: int,
    companions: CompanionFiles,
    *,
    quick: bool,
) -> Converted:
    blocks = read_blocks(file, block_bytes, table.delimiter, quick=quick)
    header = str(next(blocks, Block(b"", 1)).data, "utf-8", "replace")
    what = f"Export {origin.export_id} ({origin.record_type} {origin.month})"
    shape = layout(header, table.header_versions, what, table.delimiter)
    if first := next(blocks, None):  # all records end like the first one
        shape, blocks = replace(shape, surplus=surplus_cells(first, len(shape.names))), chain([first], blocks)
    typed = partial(type_block, shape=shape, table=table, what=what)
    with (
        writing(f"Export {origin.export_id}", target.parent),
        ThreadPoolExecutor(workers) as pool,
        ParquetOutput(pool) as output,
    ):
        rows = output.table(target, in_file(table.schema), most_files=(workers + 1) // 2)
        rejects = output.table(rejected_target, in_file(REJECTED))
        accounting = LoadAccounting(origin, table)
        # this thread is as busy as a worker: one more block would only wait, in memory
        for batch in _in_order(pool, typed, blocks, ahead=max(workers - 1, 1)):
            rows.write(accounting.loaded_rows(batch))
            rejects.write(accounting.rejected_rows(batch))
        for found in sanitized(companions, table, what):
            rejects.write(accounting.sanitized_rows(found))
        converted = accounting.balanced(shape.extras)
        failed = failed_records(companions, table)
    pa.default_memory_pool().release_unused()  # the next step needs the memory
    files = tuple(sink.target for sink in rows.sinks)
    count = converted.sanitized if Companion.SANITIZED in companions else None
    return replace(converted, files=files, sanitized=count, failed=failed)


def _in_order(pool: Executor, work: Callable[[_In], _Out], items: Iterable[_In], ahead: int) -> Iterator[_Out]:
    """Map items with the pool's threads, in order; at most ``ahead`` results wait to be taken."""
    waiting: deque[Future[_Out]] = deque()
    for item in items:
        waiting.append(pool.submit(work, item))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
