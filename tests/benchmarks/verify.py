"""``python -m tests.benchmarks.verify FOLDER EXPORT…``: are the rows that were written those of the exports?

Prints the bytes of the files that hold them.
"""

import sys
from collections import Counter
from pathlib import Path

import duckdb

from tests.benchmarks.measure import tell
from tests.benchmarks.samples import Sample, read


def written(folder: Path, *samples: Sample) -> int:
    """The bytes of a contestant's Parquet files; raises where they do not say what is true of the exports."""
    types = {sample.record_type for sample in samples}
    return sum(_written(folder, name, [s for s in samples if s.record_type == name]) for name in types)


def _written(folder: Path, record_type: str, samples: list[Sample]) -> int:
    files = [file for file in folder.rglob("*.parquet") if _holds(file.relative_to(folder), record_type)]
    if not files:
        raise ValueError(f"{folder} holds no rows of {record_type}")
    truth: Counter[str] = Counter()
    for sample in samples:
        truth.update(sample.truth)  # every one of them is a sum
    with duckdb.connect() as db:
        listed = ", ".join(f"'{file}'" for file in files)
        found = db.execute(f"SELECT {', '.join(truth)} FROM read_parquet([{listed}])").fetchone() or ()
    wrong = {asked: (int(got), true) for (asked, true), got in zip(truth.items(), found, strict=True) if got != true}
    if wrong:
        raise ValueError(f"{folder} does not hold the rows of {record_type}: {wrong}")
    return sum(file.stat().st_size for file in files)


def _holds(file: Path, record_type: str) -> bool:
    """Whether the file holds rows: dlt keeps the packages that it loaded, and a lake has its rejected rows."""
    return record_type in file.parts and "completed_jobs" not in file.parts


if __name__ == "__main__":
    exports = map(read, map(Path, sys.argv[2:]))
    tell(written(Path(sys.argv[1]), *exports))
