"""What was wanted, beside what was measured, the missed ones marked."""

import statistics
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.benchmarks.tables import CPU, PEAK, WALL, grid, median, ratio

Found = Mapping[str, Mapping[str, Any]]
_LARGE = 10_000_000
_LONG = 0.5


def goals(found: Found) -> str:
    """A table of all goals; what was not measured at the size that the goal speaks of says so."""
    rows = []
    for what, goal, most, measure, shown in _GOALS:
        try:
            value = measure(found)
        except KeyError:
            rows.append([what, goal, "not measured"])
            continue
        rows.append([what, goal, f"{shown.format(value)}{'' if value <= most else ' — **missed**'}"])
    return grid(["", "goal", "measured"], rows)


def _size(found: Found, scene: str) -> Mapping[str, Any]:
    """What a scene measured at the largest size."""
    sizes = found[scene]
    largest: Mapping[str, Any] = sizes[max(sizes, key=int)]
    return largest


def _race(other: str) -> Callable[[Found], float]:
    def measure(found: Found) -> float:
        at = found["race"][str(_LARGE)]
        return ratio(at["ours"]["runs"], at[other]["runs"])

    return measure


def _race_share(of: Callable[[Mapping[str, Any]], float]) -> Callable[[Found], float]:
    """One quantity of ours as a share of DuckDB's."""
    return lambda found: of(_size(found, "race")["ours"]) / of(_size(found, "race")["duckdb_copy"])


def _peaks(found: Found) -> Iterator[float]:
    return (median(one["runs"], PEAK) for name, one in _size(found, "memory").items() if name.isdigit())


def _flat(found: Found) -> float:
    peaks = list(_peaks(found))
    return max(peaks) / min(peaks) - 1


def _year(found: Found) -> float:
    at = _size(found, "year")
    return ratio(at["ours"]["runs"], at["duckdb_copy"]["runs"])


def _bad(found: Found) -> float:
    at = _size(found, "bad_rows")
    return ratio(at["bad"]["runs"], at["clean"]["runs"])


def _mart(least: float) -> Callable[[Found], float]:
    """The worst of the marts that take so many seconds by hand: of a short one the price of a commit is the most."""

    def measure(found: Found) -> float:
        runs = _size(found, "marts")["runs"]
        names = {key.removesuffix(" by_hand") for key in runs if key.endswith(" by_hand")}
        long = (name for name in names if median(runs[f"{name} by_hand"], WALL) >= least)
        return max(ratio(runs[f"{name} ours"], runs[f"{name} by_hand"]) for name in long)

    return measure


def _publish(found: Found) -> float:
    return float(statistics.median(list(_size(found, "publishing")["seconds"].values())[-1]))


def _tick(found: Found) -> float:
    return max(float(tick["cpu"]) for tick in _size(found, "tick")["ticks"])


def _start(name: str) -> Callable[[Found], float]:
    return lambda found: median(_size(found, "starting")["runs"][name], WALL)


_Goal = tuple[str, str, float, Callable[[Found], float], str]
_GOALS: tuple[_Goal, ...] = (
    ("wall, 10 M rows", "≤ 0.60 of DuckDB", 0.60, _race("duckdb_copy"), "{:.2f}"),
    ("wall, 10 M rows", "≤ 1.05 of polars", 1.05, _race("polars_sink"), "{:.2f}"),
    ("wall, 1 % bad rows", "≤ 1.25 of clean", 1.25, _bad, "{:.2f}"),
    ("peak memory", "≤ 350 MB", 350, lambda found: max(_peaks(found)), "{:.0f} MB"),
    ("peak memory, smallest to largest file", "within 10 %", 0.10, _flat, "{:.0%}"),
    ("CPU", "≤ DuckDB's", 1, _race_share(lambda one: median(one["runs"], CPU)), "{:.2f} of it"),
    ("size on disk", "≤ DuckDB's", 1, _race_share(lambda one: float(one["bytes"])), "{:.2f} of it"),
    ("twelve months × two types", "≤ 0.65 of DuckDB", 0.65, _year, "{:.2f}"),
    ("publish, 1,000 files", "0.2 s", 0.2, _publish, "{:.2f} s"),
    ("marts, the worst", "each ≤ 1.3 of the SQL by hand", 1.3, _mart(0), "{:.2f}"),
    ("marts of half a second or more, the worst", "each ≤ 1.3 of the SQL by hand", 1.3, _mart(_LONG), "{:.2f}"),
    ("CPU of a tick, 1,000 exports", "< 0.2 s", 0.2, _tick, "{:.2f} s"),
    ("`import pipeline.definitions`", "< 2.5 s", 2.5, _start("import pipeline.definitions"), "{:.2f} s"),
    ("`cdr status`", "< 1.5 s", 1.5, _start("cdr status"), "{:.2f} s"),
)
