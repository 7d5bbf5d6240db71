"""The pages in docs/query are true: what they let one type is run as it stands."""

import re
import subprocess
import sys
from pathlib import Path

import duckdb
import nbformat
import pytest
from _pytest.mark import ParameterSet
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "query"
PAGES = sorted(FOLDER.glob("*.md"))
NOTEBOOK = FOLDER / "first-questions.ipynb"
ROWS = ("versions", "connect", "locks", "new data", "paths")


def blocks(language: str) -> list[ParameterSet]:
    """Every block in a language, named after its page."""
    fenced = re.compile(rf"^```{language}\n(.*?)^```", re.DOTALL | re.MULTILINE)
    return [pytest.param(text, id=page.stem) for page in PAGES for text in fenced.findall(page.read_text("utf-8"))]


@pytest.fixture
def desk(warehouse: Path, tmp_path: Path) -> Path:
    """A folder in which the warehouse is where `make demo` leaves it."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "demo").symlink_to(warehouse.parent)
    return tmp_path


@pytest.mark.parametrize("text", blocks("sql"))
def test_every_question_is_answered(warehouse: Path, text: str) -> None:
    with duckdb.connect(str(warehouse), read_only=True) as db:
        assert db.execute(text).description


@pytest.mark.parametrize("text", blocks("sh"))
def test_every_command_runs(desk: Path, environment: dict[str, str], text: str) -> None:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text], cwd=desk, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout or list(desk.iterdir()) != [desk / "data"]


@pytest.mark.parametrize("text", blocks("python"))
def test_every_program_runs(desk: Path, text: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", text], cwd=desk, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


@pytest.mark.slow
def test_the_notebook_runs_and_is_kept_without_outputs(warehouse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in cells)
    monkeypatch.setenv("CDR_WAREHOUSE", str(warehouse))
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    shown = [cell.outputs[-1]["data"]["text/plain"] for cell in cells[1:]]
    assert "2026-10" in shown[0]
    assert "Decimal(" in shown[-1]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_page_says_the_same_five_things_and_links_what_exists(page: Path) -> None:
    text = page.read_text("utf-8")
    for row in ROWS:
        assert f"\n| {row} | " in text
    for target in re.findall(r"\]\((?!https?:|#)([^)]+)\)", text):
        assert (FOLDER / target).exists(), target
    assert f"docs/query/{page.name}" in (ROOT / "README.md").read_text("utf-8")
