"""Each mart of one large month: built in the lake, beside the same SQL run by hand on DuckDB's own tables.

``python -m tests.benchmarks.inside.marts FOLDER`` loads the calls into such tables, and prints the marts' names, each
after everything that it reads; ``… FOLDER ours|by_hand MART`` does one and prints [wall s, CPU s, peak MB]. What others
read must be ``… FOLDER load MART`` between the two.
"""

import resource
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time

import duckdb

from pipeline.normalise.schema import RECORD_TYPES, schema_of
from pipeline.warehouse.builder import Builder
from pipeline.warehouse.lake import Lake
from pipeline.warehouse.marts import build
from pipeline.warehouse.queries import Query, models, seeds
from pipeline.warehouse.relations import create, create_seeds
from tests.benchmarks.measure import tell
from tests.benchmarks.samples import MONTH

BASE = {record_type: schema_of(columns) for record_type, columns in RECORD_TYPES.items()}
_KIB = 1024


def prepare(folder: Path) -> list[str]:
    """Load the calls and the seeds; every name, those that others read first."""
    with duckdb.connect(str(folder / "by_hand.duckdb")) as db:
        for schema in {"seeds", *(query.schema for query in models())}:
            db.execute(f"CREATE SCHEMA {schema}")
        create_seeds(db, seeds())
    for name in BASE:
        _load(folder, name)
    return [query.name for query in models()]


def load(folder: Path, query: Query) -> list[float]:
    """What is built of it, as a table for those that read it, if any do."""
    read = any(query.name in other.reads for other in models())
    return _spent(lambda: _load(folder, query.name) if read else None)


def _load(folder: Path, name: str) -> None:
    files = Lake(folder / "lake").files(name)[MONTH]
    with duckdb.connect(str(folder / "by_hand.duckdb")) as db:
        create(db, name, files, BASE.get(name), "TABLE")


def ours(folder: Path, query: Query) -> list[float]:
    """Build the month anew, as if nothing of the mart were there."""
    lake = Lake(folder / "lake")
    shutil.rmtree(lake.root.joinpath(*query.name.split(".")), ignore_errors=True)
    with Builder(lake, BASE) as builder:
        return _spent(lambda: build(builder, query, MONTH))


def by_hand(folder: Path, query: Query) -> list[float]:
    """Run the SQL as an analyst would, to a file like the mart's."""
    copy = f"COPY ({query.sql}) TO '{folder / 'by_hand.parquet'}' (COMPRESSION zstd)"
    with duckdb.connect(str(folder / "by_hand.duckdb"), read_only=True) as db:
        return _spent(lambda: db.execute(copy))


def _spent(work: Callable[[], object]) -> list[float]:
    wall, cpu = perf_counter(), process_time()
    work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB / 1e6
    return [perf_counter() - wall, process_time() - cpu, peak]


if __name__ == "__main__":
    place, *what = sys.argv[1:]
    if what:
        way, name = what
        [wanted] = [query for query in models() if query.name == name]
        tell({"ours": ours, "load": load, "by_hand": by_hand}[way](Path(place), wanted))
    else:
        tell(prepare(Path(place)))
