"""The language rules, and how many findings each folder still may have.

``python -m tests.shape.language`` lists what is found, ``… pipeline/export`` in one folder, and ``--write`` lowers the
allowances to what is found now. A folder without an allowance must be clean.
"""

import ast
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.shape.prose import of_file

ROOT = Path(__file__).parents[2]
RULES = tomllib.loads((ROOT / "tests" / "shape" / "language.toml").read_text("utf-8"))
ALLOWANCES = ROOT / "tests" / "shape" / "language-allowed.toml"

_PHRASES = re.compile(rf"\b({'|'.join(map(re.escape, RULES['phrases']))})\b", re.IGNORECASE)
_SHORT_FORMS = re.compile(r"\b(e\.g|i\.e|etc|vs|cf|\d+)\.(?=\s|\d)")
_OF_CLICK = {"command", "group", "option", "argument"}
_PARTS = re.compile(r"[A-Z]?[a-z]+")


class Finding(NamedTuple):
    """One place that breaks a rule."""

    path: Path
    line: int
    rule: str
    about: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}: {self.rule}: {self.about}"


def files() -> list[Path]:
    """Every file that the rules hold for."""
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
    return sorted([*(ROOT / "pipeline").rglob("*.py"), *(ROOT / "sql").rglob("*.sql"), *pages])


def folder(path: Path) -> str:
    """The folder that the file's findings count for: that of a step, of SQL, of pages, or the file at the top."""
    parts = path.relative_to(ROOT).parts
    return "/".join(parts[:-1][:2]) or parts[0]


def findings(path: Path) -> Iterator[Finding]:
    """Everything in a file that breaks a rule."""
    for line, text in of_file(path):
        yield from (Finding(path, line, "phrase", said) for said in phrases(text))
        yield from (Finding(path, line, "long", said) for said in long_sentences(text))
    if path.suffix == ".py":
        tree = ast.parse(path.read_text("utf-8"))
        yield from (Finding(path, line, "args", name) for line, name in without_args(tree))
        yield from (Finding(path, line, "name", name) for line, name in retired_names(tree, path.stem))


def phrases(text: str) -> list[str]:
    """The phrases of a paragraph that are not used."""
    return [f"{said!r}: {RULES['phrases'][said.lower()]}" for said in _PHRASES.findall(text)]


def long_sentences(text: str) -> list[str]:
    """The sentences with too many words, each shown by its count and its beginning."""
    sentences = re.split(r"[.!?:;](?=\s|$)", _SHORT_FORMS.sub(r"\1", text))
    counted = [[word for word in sentence.split() if re.search(r"\w", word)] for sentence in sentences]
    return [f"{len(words)} words: {' '.join(words[:7])} …" for words in counted if len(words) > RULES["words"]]


def without_args(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The public functions with many parameters and no ``Args:``; the options of a command have help instead."""
    scopes: list[ast.Module | ast.ClassDef] = [tree]
    scopes += [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    for node in (node for scope in scopes for node in scope.body):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.name.startswith("_"):
            continue
        names = [arg.arg for arg in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        many = len([name for name in names if name not in ("self", "cls")]) >= RULES["parameters"]
        if many and not _is_command(node) and "Args:" not in (ast.get_docstring(node) or ""):
            yield node.lineno, node.name


def _is_command(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    calls = (decorator.func for decorator in node.decorator_list if isinstance(decorator, ast.Call))
    return any(isinstance(call, ast.Attribute) and call.attr in _OF_CLICK for call in calls)


def retired_names(tree: ast.Module, module: str) -> Iterator[tuple[int, str]]:
    """The names that are given here and contain a word that has a standard term."""
    given = [(1, module)]
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                given.append((node.lineno, name))
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
                given.append((node.lineno, name))
    for line, name in given:
        words = {part.lower() for part in _PARTS.findall(name)} & RULES["names"].keys()
        yield from ((line, f"{name}: {RULES['names'][word]}") for word in words)


def counted() -> dict[str, Counter[str]]:
    """The number of findings of each rule in each folder."""
    found: dict[str, Counter[str]] = {}
    for path in files():
        found.setdefault(folder(path), Counter()).update(finding.rule for finding in findings(path))
    return found


def allowed() -> dict[str, dict[str, int]]:
    """The number of findings that each folder still may have, by rule."""
    return tomllib.loads(ALLOWANCES.read_text("utf-8")) if ALLOWANCES.exists() else {}


def lower(found: dict[str, Counter[str]]) -> str:
    """The allowances of now: no folder gets more than it had; a folder that is clean gets no entry."""
    before = allowed()
    lines = [
        "# How many findings a folder still may have: `python -m tests.shape.language --write` lowers what is here.\n"
    ]
    for name, counts in sorted(found.items()):
        had = before.get(name, {}) if before else counts
        kept = {rule: min(count, had.get(rule, 0)) for rule, count in sorted(counts.items())}
        entry = ", ".join(f"{rule} = {count}" for rule, count in kept.items() if count)
        lines += [f'"{name}" = {{ {entry} }}\n'] if entry else []
    return "".join(lines)


if __name__ == "__main__":
    if "--write" in sys.argv:
        ALLOWANCES.write_text(lower(counted()), "utf-8")
    for path in files():
        if folder(path) in sys.argv[1:] or not sys.argv[1:]:
            sys.stdout.writelines(f"{finding}\n" for finding in findings(path))
