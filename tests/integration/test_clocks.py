"""Two clocks that differ a little ask for the same window; one that is behind by more is believed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from pipeline.export.didww import Vendor
from pipeline.months import Month
from pipeline.operations.wiring import Operations
from pipeline.sandbox import ManualClock, Sandbox
from pipeline.settings import Settings
from tests.didww import credentials

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
RUNNING = Month.of(NOW)


class Behind(Vendor):
    """A vendor whose answers say that its clock is behind, or that they were long on their way."""

    by = timedelta(0)

    def skew(self) -> timedelta:
        return -self.by


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    nothing = timedelta(0)
    with Sandbox(calls_per_day=1, clock=ManualClock(NOW), pending=nothing, processing=nothing, foreign=0) as vendor:
        yield vendor


def operations(sandbox: Sandbox, data: Path, behind: float) -> Operations:
    key = SecretStr(sandbox.api_key)
    vendor = Behind(credentials(sandbox.url, sandbox.api_key), backoff=0.0)
    vendor.by = timedelta(seconds=behind)
    settings = Settings(didww_api_key=key, didww_api_url=sandbox.url, cdr_data_dir=data, _env_file=None)
    return Operations(settings, {"didww": vendor}, clock=lambda: NOW)


@pytest.mark.parametrize("behind", [0.9, 1.4, 4.9])
def test_an_answer_that_was_long_on_its_way_does_not_ask_for_a_loaded_month_again(
    sandbox: Sandbox, tmp_path: Path, behind: float
) -> None:
    first = operations(sandbox, tmp_path, 0)
    (asked,) = first.requester.request("cdr_out", [RUNNING]).all()
    (export,) = (e for e in first.listings.read("didww") if e.id == asked.export.id)
    first.lander.land("cdr_out", RUNNING, export)
    first.loader.load("cdr_out", RUNNING)
    (again,) = operations(sandbox, tmp_path, behind).requester.request("cdr_out", [RUNNING]).all()
    assert not again.created
    assert len(sandbox.exports) == 1


def test_no_window_ends_in_the_future_of_a_vendor_whose_clock_is_behind(sandbox: Sandbox, tmp_path: Path) -> None:
    (asked,) = operations(sandbox, tmp_path, 60).requester.request("cdr_out", [RUNNING]).all()
    assert asked.request.end == NOW - timedelta(seconds=65)
