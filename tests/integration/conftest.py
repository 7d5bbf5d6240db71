from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest
from pydantic import SecretStr

from pipeline.definitions import build
from pipeline.operations.wiring import Operations
from pipeline.sandbox import ManualClock, Sandbox
from pipeline.settings import Settings
from tests.integration.totals import KEY, NOW


@pytest.fixture
def clock() -> ManualClock:
    """One clock for the vendor and for us."""
    return ManualClock(NOW)


@pytest.fixture
def sandbox(clock: ManualClock) -> Iterator[Sandbox]:
    with Sandbox(
        calls_per_day=12, clock=clock, pending=timedelta(0), processing=timedelta(0), api_key=KEY, rate_limit=None
    ) as vendor:
        yield vendor


@pytest.fixture
def settings(sandbox: Sandbox, tmp_path: Path) -> Settings:
    return Settings(
        didww_api_key=SecretStr(KEY), didww_api_url=sandbox.url, cdr_data_dir=tmp_path / "data", _env_file=None
    )


@pytest.fixture
def operations(settings: Settings, clock: ManualClock) -> Operations:
    return Operations(settings, clock=clock)


@pytest.fixture
def definitions(operations: Operations) -> dg.Definitions:
    return build(operations)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test(temp_dir=str(tmp_path)) as made:
        yield made
