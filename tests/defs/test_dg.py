"""Dagster's own command line finds the project and its definitions."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.warehouse.queries import models

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def dg(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    for name in ("dagster.yaml", "workspace.yaml"):
        shutil.copyfile(ROOT / "dagster_home" / name, home / name)
    scripts = Path(sys.executable).parent
    environment = {
        "HOME": str(home),
        "DAGSTER_HOME": str(home),
        "CDR_DATA_DIR": str(home / "data"),
        "PATH": f"{scripts}:/usr/bin:/bin",
        "VIRTUAL_ENV": str(scripts.parent),
    }
    command = [str(scripts / "dg"), *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_dg_checks_the_definitions(tmp_path: Path) -> None:
    done = dg(tmp_path, "check", "defs")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All definitions loaded successfully." in done.stdout


def test_dg_lists_the_definitions(tmp_path: Path) -> None:
    done = dg(tmp_path, "list", "defs", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    listed = json.loads(done.stdout)
    assets = {asset["asset_key"] for asset in listed["assets"]}
    assert {"cdr_in", "cdr_out"} <= assets
    assert {model.name.replace(".", "/") for model in models()} <= assets
    assert listed["sensors"]
    assert listed["schedules"]
