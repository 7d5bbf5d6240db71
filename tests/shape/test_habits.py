"""What runs at a commit, in `make test` and in hosted CI is the same."""

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[2]
HOOKS = ROOT / ".pre-commit-config.yaml"
WORKFLOWS = ROOT / ".github" / "workflows"


def parsed(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def run_by_make() -> list[list[str]]:
    """The commands of ``make test``, without the variables of make."""
    recipe = re.search(r"^test:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert recipe
    return [shlex.split(re.sub(r"\$\([A-Z]+\)/?", "", line)) for line in recipe[1].splitlines()]


def hooks() -> list[dict[str, Any]]:
    (local,) = parsed(HOOKS)["repos"]
    assert local["repo"] == "local"
    return list(local["hooks"])


def test_the_hooks_run_every_check_of_make_test() -> None:
    entries = [shlex.split(hook["entry"].removeprefix(".venv/bin/")) for hook in hooks()]
    checks = [command for command in run_by_make() if command[0] != "pytest"]
    assert len(checks) >= 5
    assert [command for command in checks if command not in entries] == []
    assert ["make", "unit"] in entries


def test_the_hooks_fetch_nothing() -> None:
    for hook in hooks():
        assert hook["language"] == "system"
        assert hook["entry"].startswith((".venv/bin/", "make "))


def test_hosted_ci_runs_the_script_of_every_other_machine() -> None:
    (workflow,) = WORKFLOWS.iterdir()
    steps = parsed(workflow)["jobs"]["test"]["steps"]
    assert [step["run"] for step in steps if "run" in step] == [".ci/run"]
    assert "make test" in (ROOT / ".ci" / "run").read_text("utf-8")
    assert parsed(workflow)["permissions"] == {"contents": "read"}


def test_hosted_ci_tries_the_oldest_python_that_is_allowed() -> None:
    (workflow,) = WORKFLOWS.iterdir()
    (oldest,) = re.findall(
        r'^requires-python = ">=([\d.]+)', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE
    )
    assert parsed(workflow)["jobs"]["test"]["strategy"]["matrix"]["python"][0] == oldest


def test_dg_loads_the_code_location_that_dagster_loads() -> None:
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]
    project = tool["dg"]["project"]
    assert tool["dg"]["directory_type"] == "project"
    assert project["code_location_target_module"] == tool["dagster"]["module_name"]
    assert project["code_location_name"] == tool["dagster"]["code_location_name"]
    for key in ("root_module", "defs_module"):
        assert (ROOT / project[key].replace(".", "/") / "__init__.py").exists(), key
