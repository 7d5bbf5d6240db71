"""What a publish costs as the warehouse grows: years of small months, every table of each a file of its own.

``python -m tests.benchmarks.inside.publishing ROUNDS FILES…`` prints the wall seconds of each publish, by files.
"""

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.months import Month
from pipeline.normalise.schema import RECORD_TYPES, schema_of
from pipeline.operations.wiring import Operations
from pipeline.warehouse.lake import Lake
from tests.benchmarks.inside.vendor import asked, bring_in, vendor
from tests.benchmarks.measure import tell

FIRST = Month(2026, 9)


def measured(data: Path, rounds: int, *sizes: int) -> dict[str, list[float]]:
    """Bring in one month, repeat it until there are that many files, and publish."""
    seconds: dict[str, list[float]] = {}
    with vendor(data) as (_, operations):
        for record_type, month, export in asked(operations, [FIRST]):
            bring_in(operations, record_type, month, export)
        operations.rebuilder.refresh()
        tables = _tables(operations.place.lake)
        for size in sizes:
            while len(operations.ledger.months()) * len(tables) < size:
                _repeat(operations, tables, operations.ledger.months()[-1].shift(1))
            seconds[str(len(operations.ledger.months()) * len(tables))] = [_publish(operations) for _ in range(rounds)]
    return seconds


def _publish(operations: Operations) -> float:
    began = perf_counter()
    operations.publisher.publish()
    return perf_counter() - began


def _tables(lake: Lake) -> list[str]:
    return [".".join(log.parent.relative_to(lake.root).parts) for log in sorted(lake.root.glob("**/_delta_log"))]


def _repeat(operations: Operations, tables: list[str], month: Month) -> None:
    """Give each table the first month's file once more, as that of another month."""
    lake = operations.place.lake
    for table in tables:
        [first] = lake.files(table)[str(FIRST)]
        file = lake.new_file(table, str(month), first.name.split(".")[0])
        os.link(first, file)
        noted = next(iter(lake.commit_metadata(table)), {})
        lake.replace_month(table, str(month), [file], _schema(table, first), {**noted, "month": str(month)})


def _schema(table: str, file: Path) -> pa.Schema:
    if table in {"cdr_in", "cdr_out"}:
        return schema_of(RECORD_TYPES[table])
    return pq.read_schema(file).remove_metadata().append(pa.field("month", pa.string()))


if __name__ == "__main__":
    with TemporaryDirectory() as scratch:
        tell(measured(Path(scratch), *map(int, sys.argv[1:])))
