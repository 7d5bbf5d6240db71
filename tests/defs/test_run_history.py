"""The history of runs is bounded, and no month forgets when it was made."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from pipeline.defs.run_history import purge_run_history

MONTHS = dg.StaticPartitionsDefinition(["2026-09", "2026-10"])


@dg.asset(partitions_def=MONTHS)
def calls(context: dg.AssetExecutionContext) -> None:
    context.log.info("loaded")
    if context.run.tags.get("fails"):
        raise dg.Failure("as told", allow_retries=False)


@dg.asset
def warehouse() -> None:
    pass


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as made:
        yield made


def run(instance: dg.DagsterInstance, month: str | None = None, *, fails: bool = False) -> str:
    made = dg.materialize(
        [calls] if month else [warehouse],
        instance=instance,
        partition_key=month,
        tags={"fails": "yes"} if fails else {},
        raise_on_error=False,
    )
    return made.run_id


def history(instance: dg.DagsterInstance) -> set[str]:
    folder = Path(instance.root_directory, "history", "runs")
    return {file.stem for file in folder.glob("*.db") if file.stem}


def test_old_runs_go_and_the_newest_of_each_month_stay(instance: dg.DagsterInstance) -> None:
    for _ in range(3):
        run(instance, "2026-09")
        run(instance)
    run(instance, "2026-10", fails=True)
    kept = {run(instance, "2026-09"), run(instance, "2026-10"), run(instance)}
    after = datetime.now(UTC) + timedelta(seconds=1)
    assert len(history(instance) - {"index"}) >= 10

    assert purge_run_history(instance, after) == 7
    assert set(instance.get_run_ids()) == kept
    assert history(instance) - {"index"} == kept
    assert instance.get_materialized_partitions(calls.key) == {"2026-09", "2026-10"}
    assert instance.get_latest_materialization_event(warehouse.key)
    assert {one.name for one in Path(instance.root_directory, "storage").iterdir()} <= kept
    assert purge_run_history(instance, after) == 0


def test_young_runs_and_those_that_have_not_ended_stay(instance: dg.DagsterInstance) -> None:
    run(instance, "2026-09")
    run(instance, "2026-09")
    assert purge_run_history(instance, datetime.now(UTC) - timedelta(days=1)) == 0
    started = instance.create_run_for_job(
        dg.define_asset_job("load", selection=[calls]).resolve(
            asset_graph=dg.Definitions([calls]).resolve_asset_graph()
        )
    )
    assert purge_run_history(instance, datetime.now(UTC) + timedelta(seconds=1)) == 1
    assert instance.get_run_by_id(started.run_id)
