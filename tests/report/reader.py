"""An HTML report read back: what stands in it, by section, and every element that could run or fetch anything."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

_VOID = {"meta", "br", "link", "img", "input"}


@dataclass
class Page:
    """``tables`` and ``sentences`` are by the name of their section; ``brief`` is what stands at the top.

    ``drawings`` are the shapes inside each chart, with the classes of the groups around them under ``groups``.
    """

    source: str
    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    sentences: dict[str, list[str]] = field(default_factory=dict)
    tables: dict[str, list[list[list[str]]]] = field(default_factory=dict)
    brief: dict[str, str] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    drawings: dict[str, list[dict[str, str]]] = field(default_factory=dict)

    def row(self, section: str, head: str, table: int = 0) -> list[str]:
        """The cells after the head of one row."""
        return next(cells[1:] for cells in self.tables[section][table] if cells[0] == head)

    def said(self, section: str) -> str:
        """All sentences of a section."""
        return " ".join(self.sentences[section])


class _Reader(HTMLParser):
    def __init__(self, source: str) -> None:
        super().__init__()
        self.page = Page(source)
        self._path: list[tuple[str, dict[str, str]]] = []
        self._section = ""
        self._word = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.page.elements.append((tag, given))
        if tag == "path":
            self._draw(given)
        if tag not in _VOID:
            self._path.append((tag, given))
        if tag == "section":
            self._section = given["id"]
            self.page.sentences[self._section], self.page.tables[self._section] = [], []
        elif tag == "table":
            self.page.tables[self._section].append([])
        elif tag == "tr":
            self.page.tables[self._section][-1].append([])
        elif tag in {"th", "td"}:
            self.page.tables[self._section][-1][-1].append("")

    def _draw(self, given: dict[str, str]) -> None:
        groups = [around.get("class", "") for _, around in self._path]
        chart = next((around["id"] for _, around in self._path if around.get("class") == "chart"), "")
        self.page.drawings.setdefault(chart, []).append({**given, "groups": " ".join(groups)})

    def handle_endtag(self, tag: str) -> None:
        while self._path and self._path.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        tags = [tag for tag, _ in self._path]
        if "script" in tags and dict(self._path)["script"].get("id") == "figures":
            self.page.figures = json.loads(data)
        elif "dt" in tags:
            self._word = data
        elif "dd" in tags:
            self.page.brief[self._word] = data
        elif "small" in tags:
            self.page.tables[self._section][-1][-1][-1] += f" ({data})"
        elif tags and tags[-1] in {"th", "td"}:
            self.page.tables[self._section][-1][-1][-1] += data
        elif tags and tags[-1] == "p" and "section" in tags:
            self.page.sentences[self._section].append(data)


def read(file: Path) -> Page:
    """Read a report."""
    return _Reader(file.read_text("utf-8")).page
