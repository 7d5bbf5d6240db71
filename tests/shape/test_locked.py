"""Versions come from one source: the lock follows pyproject.toml, and the constraints follow the lock."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def uv(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("uv")), *arguments, "--offline", "--no-config"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_lock_is_that_of_the_project() -> None:
    """Offline, because a lock that fits is not resolved again; `make lock` mends one that does not."""
    assert uv("lock", "--check").returncode == 0


def test_the_constraints_are_what_make_lock_exports() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    export = re.search(r"uv (export .*) --output-file constraints\.txt$", makefile, re.MULTILINE)
    assert export
    assert uv(*export[1].split()).stdout == (ROOT / "constraints.txt").read_text("utf-8")


def test_the_lock_names_the_public_index_alone() -> None:
    addresses = re.findall(r'(?:registry|url|path) = "([^"]*)"', (ROOT / "uv.lock").read_text("utf-8"))
    assert len(addresses) > 1000
    public = ("https://pypi.org/simple", "https://files.pythonhosted.org/")
    assert [one for one in addresses if not one.startswith(public)] == []
