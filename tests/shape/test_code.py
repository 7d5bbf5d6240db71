"""The shape of the code, where a rule can be read off the files."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "pipeline").rglob("*.py"))
LONGEST_FILE, LONGEST_FUNCTION = 200, 40
DRAWERS = {"utils", "util", "helpers", "helper", "common", "base", "core", "lib", "misc", "manager", "managers"}


def functions(module: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(module.read_text("utf-8"))
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def name(module: Path) -> str:
    return module.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("module", MODULES, ids=name)
def test_a_module_is_short_and_so_are_its_functions(module: Path) -> None:
    assert len(module.read_text("utf-8").splitlines()) <= LONGEST_FILE
    long = {f.name for f in functions(module) if (f.end_lineno or 0) - f.lineno >= LONGEST_FUNCTION}
    assert long == set()


@pytest.mark.parametrize("module", MODULES, ids=name)
def test_a_module_is_named_for_what_it_is(module: Path) -> None:
    assert not DRAWERS & {part.lower() for part in module.with_suffix("").parts}


def test_only_settings_reads_the_environment() -> None:
    readers = {name(m) for m in MODULES if "os.environ" in m.read_text("utf-8") or "getenv" in m.read_text("utf-8")}
    # a child process inherits the environment, and Dagster finds its home there
    assert readers <= {"pipeline/settings/__init__.py", "pipeline/commands/ui.py", "pipeline/defs/home.py"}


def test_nothing_prints() -> None:
    assert len(MODULES) > 100
    for module in MODULES:
        calls = (node for node in ast.walk(ast.parse(module.read_text("utf-8"))) if isinstance(node, ast.Call))
        assert not any(isinstance(c.func, ast.Name) and c.func.id == "print" for c in calls), name(module)


def test_the_top_level_holds_what_it_should() -> None:
    files = {"pyproject.toml", "constraints.txt", "README.md", "Makefile", "LICENSE", "CHANGELOG.md"}
    expected = files | {"pipeline", "dagster_home", "tests", "sql", "docs", "deploy"}
    made = {"data", "build", "cdr_pipeline.egg-info"}
    assert {path.name for path in ROOT.iterdir() if not path.name.startswith(".")} - made <= expected
