"""Exports to be measured on: kept under build/bench, made when they are first asked for.

Nothing but the standard library is imported here: a contestant must not pay for the libraries of another.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "bench"
MONTH = "2026-10"


@dataclass(frozen=True)
class Sample:
    """A gzipped CSV and what is known of it: its columns in order, and what SQL must say of the rows made of it.

    ``columns`` gives the kind of each column of the table, ``truth`` the value of each SQL expression.
    """

    file: Path
    record_type: str
    month: str
    rows: int
    bad_rows: int
    columns: Mapping[str, str]
    truth: Mapping[str, int]


def read(file: Path) -> Sample:
    """What was noted beside the file when it was made."""
    return Sample(file, **json.loads(beside(file).read_text("utf-8")))


def beside(file: Path) -> Path:
    """Where it is noted."""
    return file.with_name(file.name.removesuffix(".csv.gz") + ".json")


def sample(rows: int, record_type: str = "cdr_out", month: str = MONTH, *, bad: bool = False) -> Sample:
    """The export of that size, made now if need be; of a ``bad`` one every hundredth record cannot be typed."""
    file = BUILD / "exports" / f"{record_type}-{month}-{rows}{'-bad' if bad else ''}.csv.gz"
    if not beside(file).exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        make = [sys.executable, "-m", "tests.benchmarks.generator", str(file), record_type, month, str(rows)]
        subprocess.run([*make, *(["bad"] if bad else [])], cwd=ROOT, check=True)
    return read(file)
