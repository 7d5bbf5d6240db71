"""What was measured as Markdown tables, one function a scene; medians, with the least and the most beside them."""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tests.benchmarks.measure import middle

Runs = Sequence[Sequence[float]]
WALL, CPU, PEAK = range(3)

NAMES = {
    "ours": "**this pipeline**",
    "duckdb_copy": "DuckDB `COPY`",
    "polars_sink": "polars, streaming",
    "pyarrow_alone": "pyarrow alone",
    "pandas_naive": "pandas, naive",
    "dlt_arrow": "dlt, Arrow route",
}


def race(found: Mapping[str, Any]) -> str:
    """Contestants by speed, each beside DuckDB and polars in the same round."""
    entered = {name: one for name, one in found.items() if name in NAMES}
    rows = [
        [
            NAMES[name],
            spread(one["runs"], WALL),
            paired(one["runs"], entered["duckdb_copy"]["runs"]),
            paired(one["runs"], entered["polars_sink"]["runs"]) if "polars_sink" in entered else "",
            f"{median(one['runs'], CPU) / one['rows'] * 1e6:.2f}",
            f"{median(one['runs'], PEAK):.0f}",
            f"{one['bytes'] / 1e6:.1f}",
        ]
        for name, one in sorted(entered.items(), key=lambda both: median(both[1]["runs"], WALL))
    ]
    return grid(["", "wall s", "× DuckDB", "× polars", "CPU s per million rows", "peak MB", "Parquet MB"], rows)


def bad_rows(found: Mapping[str, Any]) -> str:
    """Our own time with and without records that cannot be typed."""
    return _converted(found, {"clean": "clean", "bad": "one record in a hundred is bad"}, "clean", "× clean")


def memory(found: Mapping[str, Any]) -> str:
    """Our peak by the size of the file."""
    rows = [
        [f"{one['rows']:,}", f"{median(one['runs'], PEAK):.0f}", spread(one["runs"], WALL)]
        for name, one in found.items()
        if name.isdigit()
    ]
    return grid(["rows", "peak MB", "wall s"], rows)


def year(found: Mapping[str, Any]) -> str:
    """Twenty-four files by us and by DuckDB; one of them by us."""
    titles = {"ours": NAMES["ours"], "duckdb_copy": NAMES["duckdb_copy"], "one file": "this pipeline, one of the files"}
    return _converted(found, titles, "duckdb_copy", "× DuckDB")


def cores(found: Mapping[str, Any]) -> str:
    """Our time on one core and on all, and what a model fitted to both says of more."""
    titles = {
        "one core": "one core",
        "one worker": "all cores, one worker",
        "all cores": "all cores",
        "gunzip": "gunzip alone",
        "start": "a file of one record",
    }
    return f"{_converted(found, titles, 'one core', '× one core')}\n\n{_model(found)}"


def _model(found: Mapping[str, Any]) -> str:
    count = found["on"]["cores"]
    one, every, gunzip = (median(found[name]["runs"], WALL) for name in ("one core", "all cores", "gunzip"))
    shared = (one - every) / (1 - 1 / count)
    alone = one - shared
    said = ", ".join(f"{alone + shared / n:.2f} s on {n}" for n in (4, 8))
    return (
        f"Fitted to 1 and {count} cores: seconds = {alone:.2f} + {shared:.2f} / cores, which says {said}. "
        f"Gunzip, in a thread of its own, takes {gunzip:.2f} s: below that no number of cores leads."
    )


def steps(found: Mapping[str, Any]) -> str:
    """Seconds of CPU by step, for a million rows."""
    each = found["each"]
    per_million = {step: statistics.median(one[step] for one in each) / found["rows"] * 1e6 for step in each[0]}
    threads = per_million.pop("all of it, by its threads")
    total = sum(per_million.values())
    rows = [[step, f"{spent:.2f}", f"{spent / total:.0%}"] for step, spent in per_million.items()]
    rows += [
        ["one after the other", f"{total:.2f}", ""],
        ["by the threads of the conversion", f"{threads:.2f}", ""],
    ]
    return grid(["step", "CPU s per million rows", "share"], rows)


def starting(found: Mapping[str, Any]) -> str:
    """Whole processes."""
    rows = [[f"`{name}`", spread(runs, WALL), f"{median(runs, CPU):.2f}"] for name, runs in found["runs"].items()]
    return grid(["", "wall s", "CPU s"], rows)


def tick(found: Mapping[str, Any]) -> str:
    """One tick of the sensor."""
    ticks = found["ticks"]
    counts = [f"{found['listed']:,}", *(f"{ticks[0][key]:.0f}" for key in ("requests", "launched"))]
    seconds = [_spread([one[key] for one in ticks]) for key in ("cpu", "wall")]
    return grid(["exports listed", "requests", "runs launched", "CPU s", "wall s"], [[*counts, *seconds]])


def overhead(found: Mapping[str, Any]) -> str:
    """A small month with and without Dagster."""
    rows = [[name, spread(runs, WALL), f"{median(runs, CPU):.2f}"] for name, runs in found["runs"].items()]
    return grid(["a month of a few hundred calls", "wall s", "CPU s"], rows)


def publishing(found: Mapping[str, Any]) -> str:
    """Publishes by the number of files in the lake."""
    rows = [[files, _spread(seconds)] for files, seconds in found["seconds"].items()]
    return grid(["files in the lake", "wall s"], rows)


def marts(found: Mapping[str, Any]) -> str:
    """Every mart beside the same SQL by hand."""
    runs = found["runs"]
    rows = []
    for name in dict.fromkeys(key.rpartition(" ")[0] for key in runs):
        ours, by_hand = runs[f"{name} ours"], runs[f"{name} by_hand"]
        peaks = [f"{median(each, PEAK):.0f}" for each in (ours, by_hand)]
        rows.append([f"`{name}`", spread(ours, WALL), spread(by_hand, WALL), paired(ours, by_hand), *peaks])
    return grid(["", "wall s", "by hand", "× by hand", "peak MB", "by hand"], rows)


def _converted(found: Mapping[str, Any], titles: Mapping[str, str], base: str, ratio: str) -> str:
    rows = [
        [
            title,
            spread(found[name]["runs"], WALL),
            paired(found[name]["runs"], found[base]["runs"]),
            f"{median(found[name]['runs'], CPU):.2f}",
            f"{median(found[name]['runs'], PEAK):.0f}",
        ]
        for name, title in titles.items()
    ]
    return grid(["", "wall s", ratio, "CPU s", "peak MB"], rows)


def median(runs: Runs, of: int) -> float:
    """The median of one quantity of the runs."""
    return statistics.median(run[of] for run in runs)


def spread(runs: Runs, of: int) -> str:
    """The median of one quantity, with the least and the most."""
    return _spread([run[of] for run in runs])


def _spread(values: Sequence[float]) -> str:
    of = middle(values)
    return f"{of['median']:.2f} ({of['least']:.2f}–{of['most']:.2f})"


def ratio(runs: Runs, base: Runs) -> float:
    """The median of the ratios of wall time, round by round."""
    return statistics.median(run[WALL] / other[WALL] for run, other in zip(runs, base, strict=True))


def paired(runs: Runs, base: Runs) -> str:
    """That, as it is shown."""
    return f"{ratio(runs, base):.2f}"


def grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, the first column to the left and the others to the right."""
    rule = ["---", *["--:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *rows))


TABLES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    table.__name__: table
    for table in (race, bad_rows, cores, steps, starting, tick, overhead, memory, year, publishing, marts)
}
