"""The sentences of the repository: of docstrings, comments, messages, SQL headers and pages, each with its line."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

CODE = "code"
"""Stands in a sentence for a piece of code or a value."""

_FENCE = re.compile(r"^```.*?^```|^---\n.*?^---$|<!--.*?-->", re.DOTALL | re.MULTILINE)
_QUOTED = re.compile(r'"[^"\n]*"|(?<![\w*])\*[^*\n]+\*(?![\w*])')
_NO_WORDS = re.compile(r"^\W*(noqa|type: ignore|fmt:|pragma)|SELECT |\bFROM \w|://\S+$")


class Prose(NamedTuple):
    """A paragraph, and where it begins."""

    line: int
    text: str


def of_file(path: Path) -> Iterator[Prose]:
    """Every paragraph of a file, by its kind."""
    text = path.read_text("utf-8")
    match path.suffix:
        case ".py":
            tree = ast.parse(text)
            yield from comments(text)
            yield from strings(tree)
        case ".sql":
            yield from sql(text)
        case ".md":
            yield from markdown(text)


def comments(text: str) -> Iterator[Prose]:
    """The comments of Python; those that fill consecutive lines are one paragraph."""
    block: list[Prose] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type != tokenize.COMMENT:
            continue
        line, words = token.start[0], re.sub(r"^#[:\s]*|\s*# noqa.*$", "", token.string).replace(" - ", ". ")
        fills = token.line.lstrip().startswith("#")
        if block and not (fills and line == block[-1].line + 1):
            yield _joined(block)
            block = []
        block.append(Prose(line, "" if _NO_WORDS.search(words) else words))
        if not fills:
            yield _joined(block)
            block = []
    if block:
        yield _joined(block)


def _joined(block: list[Prose]) -> Prose:
    return Prose(block[0].line, " ".join(text for _, text in block))


def strings(tree: ast.Module) -> Iterator[Prose]:
    """Docstrings and messages: all text of several words that is neither SQL nor an address."""
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            said = "".join(str(part.value) if isinstance(part, ast.Constant) else CODE for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            said = node.value
        else:
            continue
        if len(said.split()) > 2 and not _NO_WORDS.search(said):
            yield from _paragraphs(said, node.lineno)


def sql(text: str) -> Iterator[Prose]:
    """The comments of SQL; those on consecutive lines are one paragraph, and ``name: text`` begins another."""
    yield from _paragraphs(re.sub(r"^(?:.*?-- ?|.*$)", "", text, flags=re.MULTILINE))


def markdown(text: str) -> Iterator[Prose]:
    """The paragraphs, items and cells of a page, without its code and its quotations."""
    text = _FENCE.sub(lambda found: "\n" * found[0].count("\n"), text)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = _QUOTED.sub(CODE, re.sub(r"`[^`]+`", CODE, text))
    yield from _paragraphs(text)


def _paragraphs(text: str, first: int = 1) -> Iterator[Prose]:
    """Split at empty lines, items, headings and rows of tables."""
    begun, lines = first, list[str]()
    for number, line in enumerate([*text.splitlines(), ""], first):
        starts = re.match(r"\s*([-*+] |\d+\. |#|\||>|\w+:( |$)|\w+ \([^)]*\): )", line)
        if lines and (starts or not line.strip()):
            yield Prose(begun, " ".join(lines))
            lines = []
        if line.lstrip().startswith("|"):
            yield from (Prose(number, cell.strip()) for cell in line.split("|") if cell.strip())
        elif line.strip():
            begun = begun if lines else number
            lines.append(line.strip())
