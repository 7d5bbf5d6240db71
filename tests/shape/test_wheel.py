"""The built wheel holds all that the product reads, and runs far from the repository."""

import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
NOT_BUILT = shutil.ignore_patterns(".*", "data", "build", "*.egg-info", "tests", "docs", "__pycache__")
PACKAGED = {
    "pipeline": Path("pipeline"),
    "sql": Path("pipeline/resources/sql"),
    "dagster_home": Path("pipeline/resources/dagster_home"),
}


def build(kind: str, source: Path) -> Path:
    """The sdist or the wheel that the build backend makes of a folder."""
    hook = f"from setuptools import build_meta; print(build_meta.build_{kind}('dist'))"
    done = subprocess.run([sys.executable, "-c", hook], cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return source / "dist" / done.stdout.split()[-1]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a clone has, with what a Dagster home gathers where someone set DAGSTER_HOME to the folder."""
    copy = tmp_path_factory.mktemp("clone") / "cdr-pipeline"
    shutil.copytree(ROOT, copy, symlinks=True, ignore=NOT_BUILT)
    (copy / "dagster_home" / "history.db").write_text("calls")
    return copy


@pytest.fixture(scope="module")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that is built from the sdist, as an index's clients build it."""
    with tarfile.open(build("sdist", checkout)) as sdist:
        sdist.extractall(unpacked := tmp_path_factory.mktemp("sdist"), filter="data")
    (source,) = unpacked.iterdir()
    return build("wheel", source)


def contents(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def test_the_wheel_holds_every_file_that_the_product_reads(checkout: Path, wheel: Path) -> None:
    expected = {
        (prefix / path.relative_to(checkout / folder)).as_posix()
        for folder, prefix in PACKAGED.items()
        for path in (checkout / folder).rglob("*")
        if path.is_file() and path.name != "history.db"
    }
    assert contents(wheel) == expected
    assert contents(build("wheel", checkout)) == expected


def test_the_demo_runs_from_the_wheel_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    environment, home = tmp_path / "environment", tmp_path / "home"
    home.mkdir()
    venv.create(environment)
    python = environment / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, str(wheel)], check=True)
    # the dependencies are those of the tests; a .pth in their folder, as of an editable install, is not followed
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))

    def run(*command: str) -> str:
        done = subprocess.run(
            command,
            cwd=home,
            env={"HOME": str(home), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = run(str(python), "-c", "import pipeline; print(pipeline.__file__)")
    assert Path(where.strip()).is_relative_to(site)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    said = run(str(environment / "bin" / "cdr"), "demo", "--no-ui", "--port", str(port))
    for title in ("Coverage", "Traffic by month", "The five DIDs that cost most", "Trunks in the last full month"):
        assert title in said
    assert re.search(r"^\d{4}-\d\d +in +[\d,]+ ", said, re.MULTILINE)
    assert list((home / "data" / "demo" / "reports").glob("*.html"))
