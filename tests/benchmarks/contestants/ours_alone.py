"""The conversion alone, without the lake: so many workers type and write one file."""

import sys
from pathlib import Path

from pipeline.months import Month
from pipeline.normalise.convert import WORKERS, Origin, convert
from pipeline.normalise.didww import TABLES
from tests.benchmarks.samples import read


def main(target: Path, file: Path, workers: int = WORKERS) -> None:
    """Convert the file to Parquet in ``target``."""
    sample = read(file)
    origin = Origin(sample.record_type, Month.parse(sample.month), "bench")
    rows, rejected = target / sample.record_type / "rows.parquet", target / "rejected.parquet"
    convert(file, origin, TABLES[sample.record_type], rows, rejected, workers=workers)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
