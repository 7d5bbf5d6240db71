"""The tables of docs/dialects.md, between their marks."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.benchmarks.report import _filled
from tests.benchmarks.samples import ROOT

PAGE = ROOT / "docs" / "dialects.md"
_HEAD = ("", "", "POST", "GET list", "GET export", "GET file", "exports made", "starts", "rows")
_COUNTS = ("posts", "lists", "looks", "files", "exports", "runs")

Played = Sequence[tuple[str, str, Mapping[str, Any]]]


def table(played: Played) -> str:
    """What each contestant did with each dialect."""
    lines = [_HEAD, ("---", "---", *["--:"] * (len(_HEAD) - 2))]
    for label, who, seen in played:
        lines.append((label, who, *(str(seen[name]) for name in _COUNTS), _outcome(seen)))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _outcome(seen: Mapping[str, Any]) -> str:
    """The rows that came, and what else is to be said."""
    said = {"failed": "failed", "leaked": "key sent to the storage"}
    return ", ".join([f"{seen['rows']:,} of {seen['wanted']:,}", *(text for name, text in said.items() if seen[name])])


def write(found: Mapping[str, Played]) -> None:
    """Bring the page up to date."""
    if PAGE.exists():
        blocks = {name: table(played) for name, played in found.items()}
        PAGE.write_text(_filled(PAGE.read_text("utf-8"), blocks), "utf-8")
