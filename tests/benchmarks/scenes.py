"""What is measured: each scene takes a number of rows and of rounds, and gives what it found as plain data.

Scenes start processes and import nothing heavy: a process inherits the peak of memory of the one that starts it.
"""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks.contest import Entry, contest
from tests.benchmarks.measure import Used, interleaved, module, run, told
from tests.benchmarks.samples import BUILD, sample

MILLION = 1_000_000
TOO_SLOW = ("pandas_naive", "dlt_arrow")
CONTESTANTS = ("ours", "duckdb_copy", "polars_sink", "pyarrow_alone", *TOO_SLOW)
SIZES = (MILLION, 10 * MILLION, 30 * MILLION)
RECORD_TYPES = ("cdr_in", "cdr_out")
LISTED = 1_000
FILES = (10, 100, 1_000)


def race(rows: int, rounds: int) -> dict[str, Any]:
    """One file of outbound calls, by every contestant; those that are too slow take no more than a million rows."""
    names = [name for name in CONTESTANTS if rows <= MILLION or name not in TOO_SLOW]
    return contest(rounds, {name: Entry(name, [sample(rows)]) for name in names})


def bad_rows(rows: int, rounds: int) -> dict[str, Any]:
    """The same file clean, and with every hundredth record spoilt."""
    entries = {"clean": Entry("ours", [sample(rows)]), "bad": Entry("ours", [sample(rows, bad=True)])}
    return contest(rounds, entries)


def memory(rows: int, rounds: int) -> dict[str, Any]:
    """Files of a million, ten and thirty million rows, as far as ``rows`` goes."""
    sizes = [size for size in SIZES if size < rows] + [rows]
    return contest(rounds, {str(size): Entry("ours", [sample(size)]) for size in sizes})


def cores(rows: int, rounds: int) -> dict[str, Any]:
    """The conversion on one core and on all, with one worker and with all, beside what bounds it."""
    file = [sample(rows)]
    entries = {
        "one core": Entry("ours_alone", file, cores=1),
        "one worker": Entry("ours_alone", file, arguments=[1]),
        "all cores": Entry("ours_alone", file, cores=os.cpu_count()),
        "gunzip": Entry("gunzip", file),
        "start": Entry("ours_alone", [sample(1)]),
    }
    return contest(rounds, entries)


def year(rows: int, rounds: int) -> dict[str, Any]:
    """Twelve months of both record types, a quarter of ``rows`` each, one file after the other."""
    months = [f"2026-{month:02d}" for month in range(1, 13)]
    files = [sample(rows // 4, record_type, month) for month in months for record_type in RECORD_TYPES]
    entries = {name: Entry(name, files) for name in ("ours", "duckdb_copy")}
    return contest(rounds, {**entries, "one file": Entry("ours", files[:1])})


def steps(rows: int, rounds: int) -> dict[str, Any]:
    """Seconds of CPU by step, for one file."""
    return {"rows": rows, "each": [told("inside.steps", sample(rows).file) for _ in range(rounds)]}


def starting(_: int, rounds: int) -> dict[str, Any]:
    """Whole processes, as [wall s, CPU s, peak MB]; three months of both record types are held."""
    data = BUILD / "three-months"
    shutil.rmtree(data, ignore_errors=True)
    run(*module("inside.three_months", data))
    environment = {"CDR_DATA_DIR": str(data), "DIDWW_API_KEY": "none"}
    cdr = Path(sys.executable).with_name("cdr")

    def python(statement: str) -> Used:
        return run(sys.executable, "-c", statement, environment=environment)

    works: dict[str, Callable[[], Used]] = {
        "python -c pass": lambda: python("pass"),
        "import pipeline.definitions": lambda: python("import pipeline.definitions"),
        "cdr status": lambda: run(cdr, "status", environment=environment),
    }
    found = interleaved(rounds, works)
    return {"runs": {name: [[used.wall, used.cpu, used.peak_mb] for used in runs] for name, runs in found.items()}}


def tick(_: int, rounds: int) -> dict[str, Any]:
    """Ticks of the sensor over a thousand exports, six of them ours and ready to be loaded."""
    return {"listed": LISTED, "ticks": told("inside.tick", LISTED, rounds)}


def overhead(_: int, __: int) -> dict[str, Any]:
    """[wall s, CPU s] of a small month: the work alone, as a run in this process, as a run in one of its own."""
    ways = {"the work alone": "alone", "as a run of `cdr backfill`": "here", "as a run of the daemon": "apart"}
    return {"runs": {name: told("inside.overhead", way) for name, way in ways.items()}}


def publishing(_: int, rounds: int) -> dict[str, Any]:
    """Seconds of each publish at about ten, a hundred and a thousand monthly files."""
    return {"seconds": told("inside.publishing", rounds, *FILES)}


def marts(rows: int, rounds: int) -> dict[str, Any]:
    """Every query of staging and marts, over so many rows of each record type, as [wall s, CPU s, peak MB].

    The first round builds them one upon the other; above a million rows it is the only one.
    """
    folder = BUILD / f"marts-{rows}"
    shutil.rmtree(folder, ignore_errors=True)  # of other code, perhaps
    run(*module("contestants.ours", folder, *(sample(rows, record_type).file for record_type in RECORD_TYPES)))
    found: dict[str, list[list[float]]] = {}
    for name in told("inside.marts", folder):
        for way in ("ours", "load", "by_hand"):
            found[f"{name} {way}"] = [told("inside.marts", folder, way, name)]
    found = {key: runs for key, runs in found.items() if not key.endswith(" load")}
    for _ in range(1, min(rounds, 3) if rows <= MILLION else 1):
        for key, runs in found.items():
            runs.append(told("inside.marts", folder, *reversed(key.split())))
    shutil.rmtree(folder)
    return {"rows": rows, "runs": found}


QUICK = (race, bad_rows, cores, steps, starting, tick, overhead)
"""What takes about five minutes at a million rows."""

SCENES = {scene.__name__: scene for scene in (*QUICK, memory, year, publishing, marts)}

SIZED = {race, bad_rows, cores, steps, memory, year, marts}
"""What depends on the number of rows."""

ALL = (
    *((scene, MILLION, 3) for scene in (*QUICK, year, publishing)),
    *((scene, 10 * MILLION, 3) for scene in (race, bad_rows, cores)),
    (memory, 30 * MILLION, 1),  # it repeats to a few MB
    (marts, 5 * MILLION, 1),
)
"""Every scene at the sizes that are published, with the most rounds that it needs: about half an hour."""
