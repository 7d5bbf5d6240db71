"""Where the time goes: each step of the conversion alone, in one thread, over the same blocks.

``python -m tests.benchmarks.inside.steps EXPORT`` prints the seconds of CPU that each step took.
"""

import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time, thread_time
from typing import TypeVar

import numpy as np
import pyarrow as pa

from pipeline.normalise.batch import type_block
from pipeline.normalise.blocks import read_blocks
from pipeline.normalise.didww import TABLES
from pipeline.normalise.header import layout
from pipeline.normalise.parse import parse
from pipeline.normalise.schema import in_file
from pipeline.normalise.sink import ROW_GROUP, ParquetSink
from pipeline.normalise.totals import totals_of
from pipeline.normalise.typing_rules import type_columns
from tests.benchmarks.contestants import gunzip, ours_alone
from tests.benchmarks.measure import tell
from tests.benchmarks.samples import Sample, read

_Made = TypeVar("_Made")


class Clock:
    """Seconds of this thread's CPU by step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    def of(self, step: str, work: Callable[..., _Made], *arguments: object) -> _Made:
        """Do the work, and note what it took."""
        began = thread_time()
        made = work(*arguments)
        self.seconds[step] += thread_time() - began
        return made


def measured(file: Sample, folder: Path) -> dict[str, float]:
    """Each step one after the other; what is left of typing a block once its parts are known is ``assembling``."""
    clock = Clock()
    seconds = clock.seconds
    clock.of("gunzip", gunzip.main, folder, file.file)
    with ParquetSink(folder / "rows.parquet", in_file(TABLES[file.record_type].schema)) as sink:
        _convert(clock, file, sink)
    seconds["cutting at record ends"] -= seconds["gunzip"]
    seconds["assembling"] -= sum(seconds[part] for part in ("CSV to text", "text to types", "control totals"))
    began = process_time()
    ours_alone.main(folder, file.file)
    return {**seconds, "all of it, by its threads": process_time() - began}


def _convert(clock: Clock, file: Sample, sink: ParquetSink) -> None:
    blocks, table = read_blocks(file.file), TABLES[file.record_type]
    shape = layout(str(next(blocks).data, "utf-8"), table.header_versions, file.file.name)
    columns, control = table.columns, table.control
    waiting: list[pa.Table] = []
    while block := clock.of("cutting at record ends", next, blocks, None):
        text = clock.of("CSV to text", parse, block, shape.names, control).text
        clock.of("text to types", type_columns, text, columns)
        batch = clock.of("assembling", type_block, block, shape, table)
        clock.of("control totals", totals_of, text, control)
        clock.of("control totals", totals_of, batch.table, control)
        waiting.append(batch.table)
        if sum(table.num_rows for table in waiting) >= ROW_GROUP:
            clock.of("encoding", _write, sink, waiting)
            waiting = []
    clock.of("encoding", _write, sink, waiting)


def _write(sink: ParquetSink, tables: list[pa.Table]) -> None:
    """A row group of blocks, with the columns that say where its rows came from."""
    if tables:
        rows = pa.concat_tables(tables)
        export, numbers = pa.repeat("bench", rows.num_rows), pa.array(np.arange(rows.num_rows))
        both = rows.append_column("export_id", export).append_column("row_number", numbers)
        sink.write(both.select(sink._schema.names).cast(sink._schema))


if __name__ == "__main__":
    with TemporaryDirectory() as scratch:
        tell(measured(read(Path(sys.argv[1])), Path(scratch)))
