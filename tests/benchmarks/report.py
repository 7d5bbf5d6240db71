"""What was measured, as text: tables on the terminal, and in the two documents between their marks."""

import re
from collections.abc import Mapping
from typing import Any

from tests.benchmarks.goals import goals
from tests.benchmarks.samples import ROOT
from tests.benchmarks.tables import TABLES

Found = Mapping[str, Mapping[str, Any]]
PERFORMANCE, PLOT = ROOT / "docs" / "performance.md", ROOT / "docs" / "speed.png"


def tables(found: Found) -> dict[str, str]:
    """Every scene's tables, the largest size first, each with what it was taken on."""
    return {name: "\n\n".join(_parts(name, found[name])) for name in TABLES if name in found}


def machines(found: Found) -> str:
    """What all of it was taken on: one line, or several where that changed."""
    taken = [one["on"] for sizes in found.values() for one in sizes.values()]
    return "\n".join(dict.fromkeys(map(_machine, taken)))


def write(found: Found) -> None:
    """Bring the documents and the plot up to date."""
    from tests.benchmarks.plot import draw  # what it draws with comes with the benchmarks alone

    draw(found["race"], PLOT)
    blocks = {**tables(found), "goals": goals(found), "machines": machines(found)}
    PERFORMANCE.write_text(_filled(PERFORMANCE.read_text("utf-8"), blocks), "utf-8")


def _parts(name: str, sizes: Mapping[str, Any]) -> list[str]:
    """A table for each size, the largest first, under a line that says when it was taken."""
    parts = []
    for size in sorted(sizes, key=int, reverse=True):
        on, rows = sizes[size]["on"], f"{int(size):,} rows, " if int(size) else ""
        taken = f"{rows}rounds: {on['rounds']}, {on['day']}, load {on['load']}."
        parts.append(f"{taken}\n\n{TABLES[name](sizes[size])}\n")
    return parts


def _machine(on: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in on["versions"].items())
    return f"{on['processor']}, {on['cores']} cores, {on['memory_gb']} GB, {on['system']}; {versions}."


def _filled(text: str, blocks: Mapping[str, str]) -> str:
    """The text with what stands between ``<!-- name -->`` and ``<!-- /name -->`` replaced."""

    def fresh(found: re.Match[str]) -> str:
        block = blocks.get(found[1], found[2]).strip()
        return f"<!-- {found[1]} -->\n{block}\n<!-- /{found[1]} -->"

    return re.sub(r"<!-- (\w+) -->\n(.*?)<!-- /\1 -->", fresh, text, flags=re.DOTALL)
