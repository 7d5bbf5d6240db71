"""Polars alone: a lazy scan in streaming mode, typed, sunk to Parquet."""

import sys
from pathlib import Path

import polars as pl

from tests.benchmarks.samples import read

TYPES = {
    "TEXT": pl.String(),
    "TIMESTAMP": pl.Datetime("us"),
    "INT32": pl.Int32(),
    "SECONDS": pl.Int32(),
    "MONEY": pl.Decimal(18, 6),
}


def main(target: Path, *files: Path) -> None:
    """Sink each file to Parquet in ``target``."""
    for sample in map(read, files):
        folder = target / sample.record_type
        folder.mkdir(parents=True, exist_ok=True)
        # its CSV reader could type these too, but is faster when it need not
        late = {name for name, kind in sample.columns.items() if kind in {"MONEY", "TIMESTAMP"}}
        as_read = {name: pl.String() if name in late else TYPES[kind] for name, kind in sample.columns.items()}
        scan = pl.scan_csv(sample.file, schema=as_read, has_header=False, skip_lines=1, null_values=[""])
        typed = [
            pl.col(name).str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us")
            if kind == "TIMESTAMP"
            else pl.col(name).cast(TYPES[kind])
            for name, kind in sample.columns.items()
            if name in late
        ]
        scan.with_columns(typed).sink_parquet(folder / f"{sample.month}.parquet", compression="zstd")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
