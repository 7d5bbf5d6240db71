"""The report as an asset, and as a command."""

from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner, Result

from pipeline.cli import main
from pipeline.definitions import build
from pipeline.operations.wiring import Operations
from tests.report.conftest import MONTHS, NOW

REPORT = dg.AssetKey("report")


def requested(
    definitions: dg.Definitions, instance: dg.DagsterInstance, cursor: object = None
) -> tuple[set[str], object]:
    """The months whose report automation asks for now."""
    result = dg.evaluate_automation_conditions(
        definitions,
        instance,
        asset_selection=dg.AssetSelection.assets(REPORT),
        evaluation_time=NOW,
        cursor=cursor,  # type: ignore[arg-type]
    )
    return {str(key) for key in result.get_requested_partitions(REPORT)}, result.cursor


def test_every_publish_launches_the_reports_of_all_months_and_nothing_else_does(operations: Operations) -> None:
    definitions = build(operations)
    with dg.DagsterInstance.ephemeral() as instance:
        _, cursor = requested(definitions, instance)
        assert requested(definitions, instance, cursor)[0] == set()
        instance.report_runless_asset_event(dg.AssetMaterialization("warehouse"))
        launched, cursor = requested(definitions, instance, cursor)
        assert launched == {str(month) for month in MONTHS}
        assert requested(definitions, instance, cursor)[0] == set()


def test_the_asset_writes_what_changed(operations: Operations) -> None:
    definitions = build(operations)
    key_range = {"dagster/asset_partition_range_start": "2026-09", "dagster/asset_partition_range_end": "2026-11"}
    with dg.DagsterInstance.ephemeral() as instance:
        ran = dg.materialize([definitions.resolve_assets_def(REPORT)], instance=instance, tags=key_range)
        assert ran.success
        events = instance.fetch_materializations(REPORT, limit=10).records
    told = {
        record.partition_key: record.asset_materialization.metadata["changed"].value
        for record in events
        if record.asset_materialization
    }
    assert told == {str(month): True for month in MONTHS}
    assert all(operations.place.report_file(month).exists() for month in MONTHS)


def cdr(operations: Operations, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["report", *arguments], env={"CDR_DATA_DIR": str(operations.settings.cdr_data_dir)})


def test_the_command_writes_every_month_and_says_where(operations: Operations) -> None:
    ran = cdr(operations)
    assert ran.exit_code == 0
    assert ran.output.split("\n")[:-1] == [f"Wrote {operations.place.report_file(month)}" for month in MONTHS]


def test_one_month_goes_where_it_is_wanted(operations: Operations, tmp_path: Path) -> None:
    ran = cdr(operations, "--month", "2026-10", "--to", str(tmp_path / "october.html"))
    assert (ran.exit_code, [path.name for path in tmp_path.iterdir()]) == (0, ["october.html"])


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--to", "all.html"], 2, "--to needs --month"),
        (["--month", "2026-10", "--to", "warehouse.duckdb"], 2, "ends in .html"),
        (["--month", "2026-13"], 2, "is not a month"),
        (["--month", "2026-07"], 1, "Nothing of 2026-07 is loaded"),
    ],
)
def test_what_cannot_be_done_is_said(operations: Operations, arguments: list[str], code: int, said: str) -> None:
    ran = cdr(operations, *arguments)
    assert (ran.exit_code, said in ran.output) == (code, True)


def test_without_a_warehouse_it_says_what_to_do(tmp_path: Path) -> None:
    ran = CliRunner().invoke(main, ["report"], env={"CDR_DATA_DIR": str(tmp_path)})
    assert ran.exit_code == 1
    assert "not published yet; bring in a month with `cdr backfill` first" in ran.output
