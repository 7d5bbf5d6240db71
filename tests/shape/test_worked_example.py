"""docs/adding-a-vendor.md is true: what it shows is a vendor as it stands; the contract suite tries it as well."""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from pipeline.definitions import build
from pipeline.errors import PermanentError
from pipeline.months import Month
from pipeline.operations.datasets import datasets
from pipeline.operations.vendors import months_kept, table
from pipeline.operations.wiring import Operations
from pipeline.sandbox import ManualClock
from pipeline.settings import Settings
from tests.export.dialects.hollerline import CALLS, CASES, SURCHARGES
from tests.export.test_contract import CASES as ALL_CASES
from tests.integration.totals import NOW, bring_in
from tests.worked_example.hollerline import Sandbox
from tests.worked_example.page import NAME, PAGE, blocks, installed, modules, write_modules

ROOT = Path(__file__).parents[2]
LONGEST = 150
KEY = "toll-free-4711"
OCTOBER = Month(2026, 10)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def sandbox(clock: ManualClock) -> Iterator[Sandbox]:
    at_once = timedelta(0)
    with Sandbox(
        rows_per_day=4, clock=clock, pending=at_once, processing=at_once, api_key=KEY, rate_limit=None
    ) as running:
        yield running


@pytest.fixture
def operations(
    sandbox: Sandbox, clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Operations]:
    """One in a folder that holds nothing but what the page shows."""
    monkeypatch.chdir(tmp_path)
    said = {"KEY": KEY, "URL": sandbox.url}
    entry = re.sub(
        r"^(\w+_(KEY|URL))=.*$", lambda line: f"{line[1]}={said[line[2]]}", blocks()[".env"], flags=re.MULTILINE
    )
    Path(".env").write_text(entry, encoding="utf-8")
    Path("exports.toml").write_text(blocks()["exports.toml"], encoding="utf-8")
    with installed(tmp_path / "product"):
        yield Operations(Settings(cdr_exports=Path("exports.toml")), clock=clock)


def test_its_two_files_are_short() -> None:
    assert set(modules()) == {f"pipeline/export/{NAME}.py", f"pipeline/normalise/{NAME}.py"}
    assert sum(len(text.splitlines()) for text in modules().values()) < LONGEST


def test_its_files_are_linted_and_formatted(tmp_path: Path) -> None:
    write_modules(tmp_path)
    config = str(ROOT / "pyproject.toml")
    for command in (["check"], ["format", "--check"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--no-cache", "--config", config, str(tmp_path)]
        done = subprocess.run(ruff, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_its_files_are_typed(tmp_path: Path) -> None:
    files = write_modules(tmp_path)
    use = tmp_path / "use.py"
    use.write_text(
        "from export.hollerline import Vendor\n"
        "from pipeline.export.protocol import Credentials, ExportVendor\n"
        "def made(credentials: Credentials) -> ExportVendor:\n    return Vendor(credentials)\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *files, use],
        cwd=ROOT,
        env={"MYPYPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode < 2, done.stdout + done.stderr
    assert not [line for line in done.stdout.splitlines() if line.startswith(str(tmp_path))]


def test_the_contract_suite_tries_it() -> None:
    assert ALL_CASES[NAME] is CASES[NAME]


def test_its_exports_are_those_that_the_contract_suite_tries(operations: Operations) -> None:
    for tried in (CALLS, SURCHARGES):
        declared = operations.place.datasets[tried.name]
        assert (declared.resource, declared.fields, declared.window) == (tried.resource, tried.fields, tried.window)
    assert [name for name in operations.place.datasets if name.startswith(NAME)] == [CALLS.name, SURCHARGES.name]


def test_a_month_of_it_is_brought_in_to_the_last_digit(operations: Operations, sandbox: Sandbox) -> None:
    types = [CALLS.name, SURCHARGES.name]
    exports = [bring_in(operations, name, OCTOBER) for name in types]
    operations.rebuilder.refresh()
    with duckdb.connect(str(operations.place.warehouse), read_only=True) as db:
        for dataset in (CALLS, SURCHARGES):
            truth = sandbox.truth(dataset.resource, OCTOBER.start, OCTOBER.end, dataset.window)
            numbers = [name for name, kind in dataset.fields.items() if kind in {"integer", "money"}]
            sums = ", ".join(f"sum({name})" for name in numbers)
            rows, *found = db.execute(f"SELECT count(*), {sums} FROM {dataset.name}").fetchall()[0]
            assert rows == truth.rows > 0
            assert found == [truth.sums[name] for name in numbers]
        kept = db.execute(
            "SELECT record_type, state, rows > 0, dropped_on FROM coverage WHERE month = ? AND rows > 0 ORDER BY ALL",
            [str(OCTOBER)],
        ).fetchall()
        assert kept == [(name, "settling", True, datetime(2027, 10, 1)) for name in types]  # noqa: DTZ001 - as published
        assert db.execute("SELECT count(*) FROM rejected_rows").fetchall() == [(0,)]
        assert db.execute("SELECT count(*), count(DISTINCT record_type) FROM exports").fetchall() == [(2, 2)]
    assert [one.id for one in sandbox.exports] == exports


def test_it_tells_its_exports_apart_by_what_the_list_repeats(operations: Operations) -> None:
    made = operations.vendors[NAME]
    ours = [operations.place.datasets[CALLS.name], operations.place.datasets[SURCHARGES.name]]
    narrowed = [replace(ours[0], filters={"caller": "1"}), replace(ours[0], window="answered_at")]
    for dataset in ours:
        (asked,) = operations.requester.request(dataset.name, [OCTOBER]).all()
        (listed,) = [one for one in made.exports() if one.id == asked.export.id]
        assert [other for other in (*ours, *narrowed) if made.holds(listed, other)] == [dataset]


def test_what_the_page_says_appears_by_itself_does(operations: Operations) -> None:
    definitions = build(operations)
    graph = definitions.resolve_asset_graph()
    for line in ("/export", "/ready", "/file", ""):
        assert f"`{CALLS.name}{line}`" in PAGE.read_text("utf-8")
        assert graph.has(dg.AssetKey(f"{CALLS.name}{line}".split("/")))
    assert len([key for key in graph.asset_check_keys if key.asset_key == dg.AssetKey([CALLS.name])]) == 8
    sensor = definitions.resolve_sensor_def("exports_ready")
    assert f"load_{CALLS.name}" in {target.name for target in sensor.jobs}


def test_nothing_of_it_remains(tmp_path: Path) -> None:
    with installed(tmp_path):
        assert months_kept(NAME) == 12
    with pytest.raises(PermanentError, match="is not known"):
        months_kept(NAME)


def test_the_entry_that_the_page_on_exports_shows_is_one(tmp_path: Path) -> None:
    (entry,) = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "exports.md").read_text("utf-8"), re.DOTALL)
    file = tmp_path / "exports.toml"
    file.write_text(entry, encoding="utf-8")
    found = datasets(Settings(cdr_exports=file, _env_file=None))
    assert table(found["rebilly_transactions"]).timestamp == "processedTime"


def test_every_file_that_the_page_links_exists() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", PAGE.read_text("utf-8"))
    assert links
    assert not [link for link in links if not (PAGE.parent / link).exists()]
