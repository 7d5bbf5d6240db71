"""pandas as it is often written: the whole file in memory, money as Python's Decimal objects."""

import sys
from decimal import Decimal
from pathlib import Path

import pandas as pd

from tests.benchmarks.samples import read


def main(target: Path, *files: Path) -> None:
    """Convert each file to Parquet in ``target``."""
    for sample in map(read, files):
        folder = target / sample.record_type
        folder.mkdir(parents=True, exist_ok=True)
        frame = pd.read_csv(sample.file, dtype=str, keep_default_na=False, na_values=[""])
        frame.columns = pd.Index(sample.columns)
        for name, kind in sample.columns.items():
            if kind == "TIMESTAMP":
                frame[name] = pd.to_datetime(frame[name])
            elif kind in {"INT32", "SECONDS"}:
                frame[name] = pd.to_numeric(frame[name]).astype("Int32")
            elif kind == "MONEY":
                frame[name] = frame[name].map(Decimal, na_action="ignore")
        frame.to_parquet(folder / f"{sample.month}.parquet", compression="zstd")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
