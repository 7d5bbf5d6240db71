"""The README and the pages are true: commands, tables, proofs and outputs. `UPDATE_README=1` writes the outputs."""

import io
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from click import Group
from pydantic import SecretStr
from rich.console import Console

from pipeline.cli import main
from pipeline.commands.demo import TABLES
from pipeline.commands.show import table
from pipeline.months import Month, month_range
from pipeline.operations.wiring import Operations
from pipeline.sandbox import Sandbox
from pipeline.settings import Settings
from pipeline.warehouse.questions import question
from pipeline.warehouse.reading import ask

ROOT = Path(__file__).parents[2]
README, DOCS = ROOT / "README.md", ROOT / "docs"
PAGES = [README, ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
DEMO_DAY = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MADE = {"data", "build", "cdr_pipeline.egg-info"}
SHOWN = re.compile(r"```sql\n(?P<query>.*?)```\n\n```text\n(?P<output>.*?)```", re.DOTALL)


def text() -> str:
    return README.read_text("utf-8")


def page(name: str) -> str:
    return (DOCS / f"{name}.md").read_text("utf-8")


def everything() -> str:
    return "\n".join(path.read_text("utf-8") for path in PAGES)


def first_cells(part: str) -> list[str]:
    """The code in the first cell of each row of the part's tables."""
    return re.findall(r"^\| `([^`]+)`", part, re.MULTILINE)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What `make demo` would publish on the day that the README was written."""
    with Sandbox(clock=lambda: DEMO_DAY, pending=timedelta(0), processing=timedelta(0), rate_limit=None) as sandbox:
        settings = Settings(
            didww_api_key=SecretStr(sandbox.api_key),
            didww_api_url=sandbox.url,
            cdr_data_dir=tmp_path_factory.mktemp("demo"),
            _env_file=None,
        )
        operations = Operations(settings, clock=lambda: DEMO_DAY)
        running = Month.of(DEMO_DAY)
        for record_type in settings.cdr_record_types:
            months = month_range(running.shift(-2), running)
            exports = {
                asked.request.month: asked.export.id
                for asked in operations.requester.request(record_type, months).all()
            }
            listed = {export.id: export for export in operations.listings.read("didww")}
            for month in months:
                operations.lander.land(record_type, month, listed[exports[month]])
                operations.loader.load(record_type, month)
        operations.rebuilder.refresh()
        yield operations.place.warehouse


def rendered(warehouse: Path, query: str) -> str:
    console = Console(file=io.StringIO(), width=160)
    console.print(table(ask(warehouse, query)))
    assert isinstance(console.file, io.StringIO)
    return "".join(f"{line.rstrip()}\n" for line in console.file.getvalue().splitlines())


@pytest.mark.slow
def test_the_queries_give_the_output_that_stands_under_them(warehouse: Path) -> None:
    shown = list(SHOWN.finditer(text()))
    assert len(shown) >= 3
    if os.environ.get("UPDATE_README"):

        def fresh(found: re.Match[str]) -> str:
            return f"```sql\n{found['query']}```\n\n```text\n{rendered(warehouse, found['query'])}```"

        README.write_text(SHOWN.sub(fresh, text()), "utf-8")
        shown = list(SHOWN.finditer(text()))
    for found in shown:
        assert found["output"] == rendered(warehouse, found["query"])


def test_every_command_is_described_and_every_described_command_exists() -> None:
    assert isinstance(main, Group)
    described = {name.split()[1] for name in first_cells(page("commands"))}
    assert described == set(main.commands)
    named = re.findall(r"(?:^|`|&& )cdr ([a-z]+)", everything(), re.MULTILINE)
    assert len(named) > 40
    assert set(named) <= set(main.commands)


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", everything(), re.MULTILINE))
    assert {"demo", "docs", "generated", "test"} <= named <= targets


@pytest.mark.slow
def test_the_tables_are_those_that_are_published(warehouse: Path) -> None:
    rows = ask(warehouse, "SELECT schema_name, table_name FROM duckdb_tables() UNION SELECT schema_name, view_name "
                          "FROM duckdb_views() WHERE NOT internal").rows  # fmt: skip
    names = {str(name) if schema == "main" else f"{schema}.{name}" for schema, name in rows}
    assert set(first_cells(page("tables").partition("## States")[0])) == names


@pytest.mark.slow
def test_the_columns_that_the_readme_speaks_of_exist(warehouse: Path) -> None:
    with duckdb.connect(str(warehouse), read_only=True) as db:
        for name in TABLES.values():
            db.execute(question(name).sql)
        for found in re.finditer(r"```sql\n(.*?)```", text(), re.DOTALL):
            db.execute(found[1])


def mapped() -> set[str]:
    """The paths of the folder map: the first word of each of its lines."""
    block = re.search(r"^## Folder map\n.*?```text\n(.*?)```", page("development"), re.DOTALL | re.MULTILINE)
    assert block
    return {line.split()[0].rstrip("/") for line in block[1].splitlines()}


def test_the_folder_map_names_what_there_is_and_leaves_nothing_out() -> None:
    assert {path for path in mapped() if not (ROOT / path).exists()} == set()
    rooms = {
        path.relative_to(ROOT).as_posix()
        for folder in ("pipeline", "sql")
        for path in (ROOT / folder).iterdir()
        if not path.name.startswith(("__", "py.typed")) and (path.is_file() or any(path.glob("*.*")))
    }
    assert rooms - mapped() == set()
    top = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")} - MADE
    assert top - {path.partition("/")[0] for path in mapped()} == set()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_file_that_is_linked_exists(path: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)|src=\"([^\"]+)\"", path.read_text("utf-8"))
    assert [link or picture for link, picture in targets if not (path.parent / (link or picture)).exists()] == []


def test_the_readme_leads_to_every_page() -> None:
    linked = set(re.findall(r"\]\((docs/[^)#]+)\)", text()))
    records = set((DOCS / "decisions").glob("[0-9]*.md"))  # which their index lists
    pages = set(DOCS.rglob("*.md")) - records - {DOCS / "index.md"}
    assert {path.relative_to(ROOT).as_posix() for path in pages} - linked == set()


def test_the_readme_is_read_in_five_minutes() -> None:
    prose = re.sub(r"```.*?```", "", text(), flags=re.DOTALL)
    assert len(prose.split()) < 5 * 150
    assert len(text().splitlines()) <= 160


def test_every_path_that_is_named_exists() -> None:
    named = re.findall(r"`((?:pipeline|sql|tests|deploy|dagster_home|docs)/[\w./-]*)(?:::\w+)?`", everything())
    of_the_example = {path for path in named if "hollerline" in path}
    assert len(named) > 80
    assert {path for path in named if not (ROOT / path).exists()} - of_the_example == set()


def test_every_test_that_is_named_as_a_proof_exists() -> None:
    proofs = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", page("guarantees"))
    assert len(proofs) > 50
    for path, name in proofs:
        assert (ROOT / path).exists(), path
        assert not name or re.search(rf"^ *(def|class) {name}\b", (ROOT / path).read_text("utf-8"), re.MULTILINE), name


def test_every_guarantee_has_a_proof() -> None:
    rows = [line for line in page("guarantees").splitlines() if line.startswith("| ")]
    rows = [row for row in rows if not row.startswith("| guarantee ")]
    assert len(rows) > 45
    assert [row for row in rows if not re.search(r"`tests/[^`]+` \|$", row)] == []
