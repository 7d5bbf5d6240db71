import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import SecretStr

from pipeline.months import Month
from pipeline.operations.wiring import Operations
from pipeline.sandbox import ManualClock, Sandbox
from pipeline.settings import Settings
from tests.benchmarks.airbyte import cdk
from tests.benchmarks.airbyte.ours import Passes
from tests.benchmarks.airbyte.page import PAGE, table
from tests.benchmarks.airbyte.scenes import SCENES
from tests.benchmarks.airbyte.seen import Seen, counted
from tests.benchmarks.airbyte.stage import CASES
from tests.benchmarks.samples import ROOT


def test_the_page_has_every_dialect_every_scene_and_only_tests_that_exist() -> None:
    page = PAGE.read_text("utf-8")
    assert len(SCENES) == 7
    assert set(re.findall(r"^<!-- (\w+) -->$", page, re.MULTILINE)) == SCENES.keys()
    for name in CASES:
        assert f"`{name}`" in page
    proofs = re.findall(r"`(test_\w+)`", page)
    tests = "".join(file.read_text("utf-8") for file in (ROOT / "tests" / "export").glob("test_*.py"))
    assert len(proofs) >= len(SCENES)
    for name in proofs:
        assert f"def {name}(" in tests, name


def test_the_page_is_about_the_version_that_is_installed() -> None:
    assert f"airbyte-cdk {cdk.VERSION}" in PAGE.read_text("utf-8")
    for manifest in (Path(cdk.__file__).parent / "manifests").glob("*.yaml"):
        assert f"version: {cdk.VERSION}\n" in manifest.read_text("utf-8")


def test_a_sync_that_was_killed_is_read_as_far_as_it_came() -> None:
    said = [
        {"type": "RECORD", "record": {"data": {}}},
        {"type": "STATE", "state": {"type": "STREAM"}},
    ]
    sync = cdk.read("".join(f"{json.dumps(line)}\n" for line in said) + '{"type": "REC')
    assert (sync.rows, sync.state) == (1, {"type": "STREAM"})


def test_a_sync_goes_on_from_what_the_one_before_left(tmp_path: Path) -> None:
    first = cdk.command(tmp_path, "connectif", {}, instead={"E0301": "-"})
    assert "--state" not in first
    assert "E0301" not in (tmp_path / "manifest.yaml").read_text("utf-8")
    (tmp_path / "state.json").write_text("[]", "utf-8")
    assert "--state" in cdk.command(tmp_path, "connectif", {}, instead={})


def test_requests_are_told_apart() -> None:
    seen = [
        ("POST", "/token"),
        ("POST", "/exports/type/data-explorer"),
        ("GET", "/v1/exports?page=1"),
        ("GET", "/v1/exports/exp_1"),
        ("GET", "/v3/exports/1.csv.gz"),
        ("GET", "/organizations/o/files/f/download"),
        ("GET", "/storage/f.zip?sig=1"),
    ]
    assert counted(seen) == {"posts": 1, "lists": 1, "looks": 1, "files": 3}


def test_a_table_has_a_line_for_each_contestant() -> None:
    seen = Seen(posts=2, lists=3, looks=0, files=2, exports=2, rows=0, wanted=1_000, runs=1, failed=True, leaked=False)
    assert table([("rebilly", "ours", seen.plain())]).splitlines()[-1].endswith("| 2 | 1 | 0 of 1,000, failed |")


def test_ours_brings_in_what_its_verbs_do(tmp_path: Path) -> None:
    clock, at_once = ManualClock(datetime(2026, 11, 21, tzinfo=UTC)), timedelta(0)
    with Sandbox(clock=clock, pending=at_once, processing=at_once, calls_per_day=3, rate_limit=None) as sandbox:
        settings = Settings(
            didww_api_key=SecretStr(sandbox.api_key),
            didww_api_url=sandbox.url,
            cdr_data_dir=tmp_path / "data",
            cdr_exports=tmp_path / "exports.toml",
            _env_file=None,
        )
        month = Month(2026, 10)
        passes = Passes(Operations(settings, clock=clock), "cdr_in", [month])
        assert passes.run() == sandbox.truth("cdr_in", month.start, month.end).rows
        assert (passes.failed, len(sandbox.exports)) == (False, 1)
