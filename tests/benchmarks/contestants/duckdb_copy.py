"""DuckDB alone: what an analyst would write, with every type given; the measure of the others."""

import sys
from pathlib import Path

import duckdb

from tests.benchmarks.samples import Sample, read

TYPES = {
    "TEXT": "VARCHAR",
    "TIMESTAMP": "TIMESTAMP",
    "INT32": "INTEGER",
    "SECONDS": "INTEGER",
    "MONEY": "DECIMAL(18, 6)",
}


def main(target: Path, *files: Path) -> None:
    """Copy each file to Parquet in ``target``."""
    with duckdb.connect() as db:
        for sample in map(read, files):
            folder = target / sample.record_type
            folder.mkdir(parents=True, exist_ok=True)
            db.execute(f"COPY (SELECT * FROM {source(sample)}) TO '{folder}/{sample.month}.parquet' (COMPRESSION zstd)")


def source(sample: Sample) -> str:
    """The file as DuckDB reads it: columns by place, in their types."""
    columns = ", ".join(f"'{name}': '{TYPES[kind]}'" for name, kind in sample.columns.items())
    return f"read_csv('{sample.file}', header = true, auto_detect = false, quote = '\"', columns = {{{columns}}})"


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
