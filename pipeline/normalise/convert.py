"""One landed file to Parquet: a stream of blocks, parsed and typed by threads, written in the file's order."""

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
from pipeline.normalise.companions import Files, failed, sanitized
from pipeline.normalise.header import layout
from pipeline.normalise.parse import surplus_cells
from pipeline.normalise.records import QuoteAstrayError
from pipeline.normalise.schema import REJECTED, in_file
from pipeline.normalise.sink import all_or_none, parquet_parts
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
    companions: Files = MappingProxyType({}),
) -> Converted:
    """Type the records of a landed file into ``target``, and those that cannot be typed into ``rejected_target``.

    What its vendor left out of it, in a companion, goes there too.
    Memory does not grow with the file; of a large one, some rows are written to other files beside ``target``. Raises
    ``PermanentError`` where the header lacks a column, where as many records were not read as were counted in the
    bytes, and where the control totals of the text are not those of the rows written: then no file is left.
    """
    to = partial(_converted, file, origin, table, target, rejected_target, workers, block_bytes, companions)
    try:
        return to(quick=True)
    except QuoteAstrayError:
        return to(quick=False)


def _converted(
    file: Path,
    origin: Origin,
    table: Table,
    target: Path,
    rejected_target: Path,
    workers: int,
    block_bytes: int,
    companions: Files,
    *,
    quick: bool,
) -> Converted:
    blocks = read_blocks(file, block_bytes, table.delimiter, quick=quick)
    header = str(next(blocks, Block(b"", 1)).data, "utf-8", "replace")
    what = f"Export {origin.export_id} ({origin.record_type} {origin.month})"
    shape = layout(header, table.header_versions, what, table.delimiter)
    if first := next(blocks, None):  # as its first record ends, so do the others
        shape, blocks = replace(shape, surplus=surplus_cells(first, len(shape.names))), chain([first], blocks)
    schema = in_file(table.schema)
    typed = partial(type_block, shape=shape, table=table, what=what)
    with (
        writing(f"Export {origin.export_id}", target.parent),
        all_or_none() as begun,
        ThreadPoolExecutor(workers) as pool,
        parquet_parts(target, schema, pool, begun, most=(workers + 1) // 2) as rows,
        parquet_parts(rejected_target, in_file(REJECTED), pool, begun) as rejects,
    ):
        tally = LoadAccounting(origin, table)
        # whoever reads is as busy as a worker: one block more would only wait, in memory
        for batch in _in_order(pool, typed, blocks, ahead=max(workers - 1, 1)):
            rows.write(tally.placed(batch))
            rejects.write(tally.refused(batch))
        for found in sanitized(companions, table, what):
            rejects.write(tally.set_aside(found))
        converted = tally.balanced(shape.extras)
    pa.default_memory_pool().release_unused()  # what follows needs its own
    files = tuple(file for file in begun if file != rejected_target)
    count = converted.sanitized if Companion.SANITIZED in companions else None
    return replace(converted, files=files, sanitized=count, failed=failed(companions, table))


def _in_order(pool: Executor, work: Callable[[_In], _Out], items: Iterable[_In], ahead: int) -> Iterator[_Out]:
    """Map with the pool's threads, in order, holding no more than so many items that are not asked for yet."""
    waiting: deque[Future[_Out]] = deque()
    for item in items:
        waiting.append(pool.submit(work, item))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
