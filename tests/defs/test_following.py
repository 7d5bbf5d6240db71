"""Which months of which marts automation asks for, when calls of a month are loaded."""

from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from pydantic import SecretStr

from pipeline.definitions import build
from pipeline.operations.wiring import Operations
from pipeline.settings import Settings
from pipeline.warehouse.queries import models

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ACROSS = {
    "staging/channel_occupancy", "marts/channel_what_if", "marts/hourly_concurrency", "marts/peak_concurrency"
}  # fmt: skip


class Automation:
    """Dagster's automation over an instance that runs nothing: what was asked for since the last look."""

    def __init__(self, data: Path) -> None:
        settings = Settings(
            didww_api_key=SecretStr("none"), cdr_data_dir=data, cdr_start_month="2026-09", _env_file=None
        )
        self._definitions = build(Operations(settings, clock=lambda: NOW))
        self._instance = dg.DagsterInstance.ephemeral()
        self._cursor: dg.AssetDaemonCursor | None = None

    def load(self, month: str) -> None:
        for name in ("cdr_in", "cdr_out"):
            self._made(name, month)

    def build(self, month: str) -> None:
        for query in models():
            self._made(query.name, month)

    def _made(self, name: str, month: str) -> None:
        event = dg.AssetMaterialization(dg.AssetKey(name.split(".")), partition=month)
        self._instance.report_runless_asset_event(event)

    def requested(self) -> dict[str, set[str]]:
        selection = dg.AssetSelection.groups("staging", "marts")
        found = dg.evaluate_automation_conditions(
            self._definitions, self._instance, asset_selection=selection, evaluation_time=NOW, cursor=self._cursor
        )
        self._cursor = found.cursor
        asked: dict[str, set[str]] = defaultdict(set)
        for result in found.results:
            for one in () if result.true_subset.is_empty else result.true_subset.expensively_compute_asset_partitions():
                asked[str(one.partition_key)].add(one.asset_key.to_user_string())
        return dict(asked)


@pytest.fixture
def automation(tmp_path: Path) -> Automation:
    """Two months that are loaded and built; the third is not."""
    made = Automation(tmp_path)
    made.requested()
    for month in ("2026-09", "2026-10"):
        made.load(month)
    everything = {query.name.replace(".", "/") for query in models()}
    # the second waits for what it takes over of the first, which another run builds
    assert made.requested() == {"2026-09": everything, "2026-10": everything - ACROSS}
    for month in ("2026-09", "2026-10"):
        made.build(month)
    assert made.requested() == {}
    return made


def test_a_month_that_changed_brings_the_concurrency_of_the_next_after_it(automation: Automation) -> None:
    automation.load("2026-09")
    first = automation.requested()
    assert first.keys() == {"2026-09"}
    assert first["2026-09"] >= ACROSS
    automation.build("2026-09")
    assert automation.requested() == {"2026-10": ACROSS}
    assert automation.requested() == {}


def test_a_month_of_which_nothing_is_loaded_is_not_built_for_what_it_would_take_over(automation: Automation) -> None:
    automation.load("2026-10")
    automation.requested()
    automation.build("2026-10")
    assert automation.requested() == {}
    automation.load("2026-11")
    assert automation.requested()["2026-11"] >= ACROSS
