"""A power cut, or a kill between two commits: the next command brings back from the archive what is missing."""

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pydantic import SecretStr

from pipeline.commands.doctor import Level, examine
from pipeline.months import Month
from pipeline.operations.wiring import Operations
from pipeline.sandbox import Sandbox
from pipeline.settings import Settings
from tests.integration.totals import KEY, NOW, bring_in
from tests.warehouse.test_power_loss import empty_parquet, entries, without_bytes

pytestmark = pytest.mark.slow

MONTH = Month(2026, 10)
QUERIES = (
    "SELECT * EXCLUDE (export_id) FROM cdr_out ORDER BY ALL",
    "SELECT record_type, row_number, reason FROM rejected_rows ORDER BY ALL",
    "FROM marts.daily_traffic ORDER BY ALL",
    "FROM staging.calls_out ORDER BY ALL",
    "SELECT record_type, month, state, rows, cost_usd FROM coverage ORDER BY ALL",
)


def torn(entry: Path) -> None:
    entry.write_bytes(entry.read_bytes()[: entry.stat().st_size // 2])


def reopened(data: Path) -> Operations:
    """The data directory where no vendor can be reached: all that is brought back comes from the archive."""
    settings = Settings(
        didww_api_key=SecretStr(KEY), didww_api_url="http://127.0.0.1:9", cdr_data_dir=data, _env_file=None
    )
    return Operations(settings, clock=lambda: NOW)


def shown(operations: Operations) -> list[list[Any]]:
    with duckdb.connect(str(operations.place.warehouse), read_only=True) as db:
        return [db.execute(query).fetchall() for query in QUERIES]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("whole") / "data"
    with Sandbox(
        calls_per_day=2, clock=lambda: NOW, pending=timedelta(0), processing=timedelta(0), api_key=KEY, rate_limit=None
    ) as vendor:
        settings = Settings(didww_api_key=SecretStr(KEY), didww_api_url=vendor.url, cdr_data_dir=data, _env_file=None)
        operations = Operations(settings, clock=lambda: NOW)
        for record_type in operations.place.schemas:
            bring_in(operations, record_type, MONTH)
        operations.rebuilder.refresh()
    return data


@pytest.fixture
def copied(whole: Path, tmp_path: Path) -> Path:
    shutil.copytree(whole, tmp_path / "data")
    reopened(tmp_path / "data").publisher.publish()  # the paths in it are absolute
    return tmp_path / "data"


@pytest.mark.parametrize("damage", [without_bytes, torn, empty_parquet])
@pytest.mark.parametrize("table", ["cdr_out", "cdr_out_rejected", "staging.calls_out", "marts.daily_traffic"])
def test_what_a_power_cut_took_is_brought_back_and_told(
    copied: Path, table: str, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    before = shown(reopened(copied))
    damage(entries(reopened(copied).place.lake, table)[-1])
    here = reopened(copied)
    here.ledger.coverage()  # as `cdr status` does
    assert not here.publisher.is_published()
    here.rebuilder.refresh()
    assert shown(here) == before
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [table]
    assert here.publisher.is_published()
    assert (here.publisher.behind(), here.publisher.unbuilt(), [*here.ledger.half_loaded("cdr_out")]) == ([], [], [])
    assert any(finding.level is Level.WARNING and "set aside" in finding.says for finding in examine(here))


def test_a_publish_alone_does_not_show_a_mart_without_the_month_that_was_lost(copied: Path) -> None:
    before = shown(reopened(copied))
    torn(entries(reopened(copied).place.lake, "marts.daily_traffic")[-1])
    here = reopened(copied)
    here.publisher.publish()
    assert shown(here) == before


def test_a_load_that_was_killed_between_its_two_commits_is_finished(copied: Path) -> None:
    before = shown(reopened(copied))
    reopened(copied).place.lake.table("cdr_out").drop_month(str(MONTH))
    here = reopened(copied)
    assert [*here.ledger.half_loaded("cdr_out")] == [str(MONTH)]
    assert any(finding.level is Level.WRONG and "half loaded" in finding.says for finding in examine(here))
    assert [*here.rebuilder.resume()] == []
    here.rebuilder.refresh()
    assert shown(here) == before


def test_what_cannot_be_loaded_again_is_told_and_stops_no_other(copied: Path) -> None:
    for table in ("cdr_in", "cdr_out"):
        without_bytes(entries(reopened(copied).place.lake, table)[-1])
    [file] = (copied / "landing" / "didww" / "cdr_in" / str(MONTH)).glob("*.csv.gz")
    file.write_bytes(file.read_bytes()[:100])
    here = reopened(copied)
    [why] = here.rebuilder.resume()
    assert file.name in why
    assert ([*here.ledger.half_loaded("cdr_in")], [*here.ledger.half_loaded("cdr_out")]) == ([str(MONTH)], [])


def test_a_table_that_cannot_be_read_is_moved_aside_by_a_rebuild(copied: Path) -> None:
    before = shown(reopened(copied))
    without_bytes(entries(reopened(copied).place.lake, "cdr_out")[0])
    here = reopened(copied)
    assert [manifest.record_type for manifest in here.rebuilder.rebuild()]
    assert shown(here) == before


def test_a_month_that_a_mart_lost_is_built_again_by_the_next_publish(copied: Path) -> None:
    operations = reopened(copied)
    before = shown(operations)
    operations.place.lake.table("marts.daily_traffic").drop_month(str(MONTH))  # as another version of its SQL does
    operations.publisher.publish()
    assert (shown(operations), operations.publisher.behind()) == (before, [])
