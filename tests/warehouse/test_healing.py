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
from pipeline.journey import Journey
from pipeline.months import Month
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


def reopened(data: Path) -> Journey:
    """The data directory where no vendor can be reached: all that is brought back comes from the archive."""
    settings = Settings(
        didww_api_key=SecretStr(KEY), didww_api_url="http://127.0.0.1:9", cdr_data_dir=data, _env_file=None
    )
    return Journey(settings, clock=lambda: NOW)


def shown(journey: Journey) -> list[list[Any]]:
    with duckdb.connect(str(journey.warehouse), read_only=True) as db:
        return [db.execute(query).fetchall() for query in QUERIES]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("whole") / "data"
    with Sandbox(
        calls_per_day=2, clock=lambda: NOW, pending=timedelta(0), processing=timedelta(0), api_key=KEY, rate_limit=None
    ) as vendor:
        settings = Settings(didww_api_key=SecretStr(KEY), didww_api_url=vendor.url, cdr_data_dir=data, _env_file=None)
        journey = Journey(settings, clock=lambda: NOW)
        for record_type in journey.schemas:
            bring_in(journey, record_type, MONTH)
        journey.refresh()
    return data


@pytest.fixture
def copied(whole: Path, tmp_path: Path) -> Path:
    shutil.copytree(whole, tmp_path / "data")
    reopened(tmp_path / "data").publish()  # the paths in it are absolute
    return tmp_path / "data"


@pytest.mark.parametrize("damage", [without_bytes, torn, empty_parquet])
@pytest.mark.parametrize("table", ["cdr_out", "cdr_out_rejected", "staging.calls_out", "marts.daily_traffic"])
def test_what_a_power_cut_took_is_brought_back_and_told(
    copied: Path, table: str, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    before = shown(reopened(copied))
    damage(entries(reopened(copied).lake, table)[-1])
    here = reopened(copied)
    here.coverage()  # as `cdr status` does
    assert not here.is_published()
    here.refresh()
    assert shown(here) == before
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [table]
    assert here.is_published()
    assert (here.behind(), here.unbuilt(), [*here.half_loaded("cdr_out")]) == ([], [], [])
    assert any(finding.level is Level.WARNING and "set aside" in finding.says for finding in examine(here))


def test_a_publish_alone_does_not_show_a_mart_without_the_month_that_was_lost(copied: Path) -> None:
    before = shown(reopened(copied))
    torn(entries(reopened(copied).lake, "marts.daily_traffic")[-1])
    here = reopened(copied)
    here.publish()
    assert shown(here) == before


def test_a_load_that_was_killed_between_its_two_commits_is_finished(copied: Path) -> None:
    before = shown(reopened(copied))
    reopened(copied).lake.table("cdr_out").drop_month(str(MONTH))
    here = reopened(copied)
    assert [*here.half_loaded("cdr_out")] == [str(MONTH)]
    assert any(finding.level is Level.WRONG and "half loaded" in finding.says for finding in examine(here))
    assert [*here.resume()] == []
    here.refresh()
    assert shown(here) == before


def test_what_cannot_be_loaded_again_is_told_and_stops_no_other(copied: Path) -> None:
    for table in ("cdr_in", "cdr_out"):
        without_bytes(entries(reopened(copied).lake, table)[-1])
    [file] = (copied / "landing" / "didww" / "cdr_in" / str(MONTH)).glob("*.csv.gz")
    file.write_bytes(file.read_bytes()[:100])
    here = reopened(copied)
    [why] = here.resume()
    assert file.name in why
    assert ([*here.half_loaded("cdr_in")], [*here.half_loaded("cdr_out")]) == ([str(MONTH)], [])


def test_a_table_that_cannot_be_read_is_moved_aside_by_a_rebuild(copied: Path) -> None:
    before = shown(reopened(copied))
    without_bytes(entries(reopened(copied).lake, "cdr_out")[0])
    here = reopened(copied)
    assert [manifest.record_type for manifest in here.rebuild()]
    assert shown(here) == before


def test_a_month_that_a_mart_lost_is_built_again_by_the_next_publish(copied: Path) -> None:
    journey = reopened(copied)
    before = shown(journey)
    journey.lake.table("marts.daily_traffic").drop_month(str(MONTH))  # as another version of its SQL does
    journey.publish()
    assert (shown(journey), journey.behind()) == (before, [])
