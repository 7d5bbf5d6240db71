"""The race as a picture: time and memory of each contestant, by the size of the file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from tests.benchmarks.tables import NAMES, PEAK, WALL, median

COLOURS = ("#9db4c0", "#1f6f8b")
OURS = ("#f0b48a", "#d1495b")
_WIDTH, _HEIGHT, _DPI = 8.4, 3.6, 110


def draw(race: Mapping[str, Any], file: Path) -> None:
    """Two panels of bars: seconds for a million rows, and the peak of memory."""
    sizes = sorted(race, key=int)[-2:]
    names = [name for name in NAMES if any(name in race[size] for size in sizes)][::-1]
    figure = Figure(figsize=(_WIDTH, _HEIGHT), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    _bars(panels[0], race, sizes, names, WALL)
    _bars(panels[1], race, sizes, names, PEAK)
    panels[0].set_title("seconds for a million rows", loc="left", fontsize=10)
    panels[1].set_title("peak memory, MB", loc="left", fontsize=10)
    panels[0].set_yticks(range(len(names)), [NAMES[name].replace("*", "").replace("`", "") for name in names])
    figure.savefig(file, dpi=_DPI)


def _bars(panel: Any, race: Mapping[str, Any], sizes: list[str], names: list[str], what: int) -> None:
    thick = 0.8 / len(sizes)
    for at, size in enumerate(sizes):
        for place, name in enumerate(names):
            if name not in race[size]:
                continue
            value = median(race[size][name]["runs"], what) / (int(size) / 1e6 if what == WALL else 1)
            colour = (OURS if name == "ours" else COLOURS)[at - len(sizes)]
            where = place + 0.4 - thick * (at + 0.5)
            bar = panel.barh(where, value, thick * 0.92, color=colour, label=f"{int(size):,} rows")
            panel.bar_label(bar, [f"{value:.2f}" if what == WALL else f"{value:.0f}"], padding=3, fontsize=8)
    panel.spines[["top", "right"]].set_visible(False)
    panel.margins(x=0.16)
    seen = {label: handle for handle, label in zip(*panel.get_legend_handles_labels(), strict=True)}
    if what == PEAK and len(sizes) > 1:
        panel.legend(seen.values(), seen.keys(), fontsize=8, frameon=False, loc="lower right")
