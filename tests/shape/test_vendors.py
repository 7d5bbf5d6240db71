"""A vendor is known to its own modules: nothing else asks which one it has before it."""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

PRODUCT = Path(__file__).parents[2] / "pipeline"
ASKING = {"startswith", "endswith", "removeprefix", "removesuffix", "get", "__eq__"}
"""Methods by which a name can be compared with what they are given."""


@cache
def vendors() -> set[str]:
    """Who is spoken: the modules of ``export`` that have a class ``Vendor``."""
    classes = (
        (module.stem, node)
        for module in (PRODUCT / "export").glob("*.py")
        for node in ast.parse(module.read_text("utf-8")).body
    )
    return {name for name, node in classes if isinstance(node, ast.ClassDef) and node.name == "Vendor"}


def is_own(module: Path) -> bool:
    """Whether the module belongs to one vendor, or stands in the place of one."""
    step, name = module.relative_to(PRODUCT).parts[0], module.stem
    vendor = name.split("_")[0]
    return step == "sandbox" or (step in {"export", "normalise"} and vendor in vendors())


OTHERS = sorted(module for module in PRODUCT.rglob("*.py") if not is_own(module))


def compared(tree: ast.AST) -> Iterator[ast.expr]:
    """Whatever something is compared with, in any of the ways to do it."""
    for node in ast.walk(tree):
        match node:
            case ast.Compare():
                yield from (node.left, *node.comparators)
            case ast.MatchValue():
                yield node.value
            case ast.Call(func=ast.Attribute(attr=name)) if name in ASKING:
                yield from node.args


def looked_up(tree: ast.AST) -> Iterator[ast.expr]:
    """The keys of tables, which may say what to do for whom."""
    for node in ast.walk(tree):
        match node:
            case ast.Dict():
                yield from (key for key in node.keys if key)
            case ast.Subscript():
                yield node.slice


def texts(parts: Iterable[ast.expr]) -> set[str]:
    constants = (node for part in parts for node in ast.walk(part) if isinstance(node, ast.Constant))
    return {node.value.lower() for node in constants if isinstance(node.value, str)}


def named(tree: ast.AST) -> set[str]:
    """The vendors that are asked for: by name, or by a table of theirs; a setting of theirs may be a key."""
    asked = texts(compared(tree))
    tables = {vendor for vendor in vendors() for text in asked if text.startswith(f"{vendor}_")}
    return tables | (vendors() & (asked | texts(looked_up(tree))))


def test_the_vendors_are_found() -> None:
    assert vendors() == {"didww", "packagex", "rebilly", "connectif"}
    assert 40 < len(OTHERS) < len(list(PRODUCT.rglob("*.py"))) - 20


@pytest.mark.parametrize("module", OTHERS, ids=lambda module: module.relative_to(PRODUCT).as_posix())
def test_no_module_but_its_own_asks_which_vendor_it_is(module: Path) -> None:
    assert named(ast.parse(module.read_text("utf-8"))) == set()


@pytest.mark.parametrize(
    "line",
    [
        "if vendor == 'didww': pass",
        "found = 'rebilly' != dataset.vendor",
        "ours = name in ('packagex', 'connectif')",
        "match vendor:\n    case 'didww' | 'rebilly':\n        pass",
        "if record_type.startswith('rebilly_'): pass",
        "sign = {'connectif': ';'}",
        "vendor = vendors['didww']",
        "length = lengths.get('PackageX', 0)",
    ],
)
def test_every_way_to_ask_is_seen(line: str) -> None:
    assert named(ast.parse(line))


@pytest.mark.parametrize(
    "line",
    [
        "Dataset(name, 'didww', name)",
        "if vendor == other: pass",
        "update = {'didww_api_url': url}",
    ],
)
def test_what_does_not_ask_is_left_alone(line: str) -> None:
    assert not named(ast.parse(line))
