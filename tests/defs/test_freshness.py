"""Dagster's own daemon says when a dataset is stale, over the code location as `cdr ui` loads it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.freshness import FreshnessState
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.test_utils import freeze_time
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster._daemon.freshness import FreshnessDaemon

from pipeline.defs.freshness import FAIL_AFTER, WARN_AFTER

# Dagster reads a property of its own that it has deprecated
pytestmark = pytest.mark.filterwarnings("ignore:.*ScheduleDefinition.environment_vars:DeprecationWarning")

CALLS_IN, CALLS_OUT = dg.AssetKey("cdr_in"), dg.AssetKey("cdr_out")


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """One on disk, with the settings that come with the product."""
    product = Path(__file__).parents[2] / "dagster_home" / "dagster.yaml"
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "dagster.yaml").write_text(product.read_text("utf-8"), "utf-8")
    with dg.DagsterInstance.from_config(str(tmp_path / "home")) as made:
        yield made


@pytest.fixture
def workspace(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[WorkspaceProcessContext]:
    """The code location that `cdr ui` serves, over an empty data directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIDWW_API_KEY", "none")
    monkeypatch.setenv("CDR_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("CDR_START_MONTH", "2026-09")
    location = InProcessCodeLocationOrigin(LoadableTargetOrigin(module_name="pipeline.definitions"))
    with WorkspaceProcessContext(instance, InProcessWorkspaceLoadTarget(location)) as made:
        yield made


def states(workspace: WorkspaceProcessContext, at: datetime) -> dict[str, FreshnessState]:
    """What the daemon writes at a time, for every asset with a policy."""
    with freeze_time(at):
        list(FreshnessDaemon().run_iteration(workspace))
    graph = workspace.create_request_context().asset_graph
    records = workspace.instance.get_freshness_state_records([node.key for node in graph.asset_nodes])
    found = {key.to_user_string(): record.freshness_state for key, record in records.items()}
    return {name: state for name, state in found.items() if state is not FreshnessState.NOT_APPLICABLE}


def load(instance: dg.DagsterInstance, key: dg.AssetKey, month: str) -> None:
    instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=month))


def test_a_dataset_that_is_not_loaded_for_two_days_is_stale_until_it_is_and_its_neighbour_stays_so(
    workspace: WorkspaceProcessContext, instance: dg.DagsterInstance
) -> None:
    now, minute = datetime.now(UTC), timedelta(minutes=5)
    assert states(workspace, now) == {"cdr_in": FreshnessState.UNKNOWN, "cdr_out": FreshnessState.UNKNOWN}
    for key in (CALLS_IN, CALLS_OUT):
        load(instance, key, "2026-11")
    for after, state in (
        (WARN_AFTER - minute, FreshnessState.PASS),
        (FAIL_AFTER - minute, FreshnessState.WARN),
        (FAIL_AFTER + minute, FreshnessState.FAIL),
    ):
        assert states(workspace, now + after) == {"cdr_in": state, "cdr_out": state}
    later = now + FAIL_AFTER + 2 * minute
    with freeze_time(later):
        load(instance, CALLS_IN, "2026-11")
    assert states(workspace, later + minute) == {"cdr_in": FreshnessState.PASS, "cdr_out": FreshnessState.FAIL}
    assert instance.freshness_enabled


def test_the_windows_leave_a_day_for_the_request_and_hours_for_the_vendor() -> None:
    assert timedelta(hours=24) < WARN_AFTER < FAIL_AFTER <= timedelta(hours=48)
