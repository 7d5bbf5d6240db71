"""The UI as an operator uses it, in a real browser: a backfill over three months until its partitions are green."""

import os
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from pydantic import SecretStr

from pipeline.commands.ui import Dagster
from pipeline.months import Month, month_range
from pipeline.operations.wiring import Operations
from pipeline.sandbox import Sandbox
from pipeline.settings import Settings
from tests.running import running_month

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SCREENSHOTS = Path(os.environ.get("SCREENSHOTS", "build/screenshots"))
PATIENCE = 300_000
"""Milliseconds: Dagster's daemon looks for new backfills every thirty seconds."""


@pytest.fixture
def months() -> list[Month]:
    running = running_month()
    return month_range(running.shift(-2), running)


@pytest.fixture
def settings(months: list[Month], tmp_path: Path) -> Iterator[Settings]:
    delay = timedelta(seconds=1)
    with Sandbox(calls_per_day=60, pending=delay, processing=delay, rate_limit=None) as sandbox:
        yield Settings(
            didww_api_key=SecretStr(sandbox.api_key),
            didww_api_url=sandbox.url,
            cdr_data_dir=tmp_path / "data",
            cdr_poll_seconds=5,
            _env_file=None,
        )


@pytest.fixture
def ui(settings: Settings) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with Dagster(settings, port) as dagster:
        dagster.wait_until_it_answers()
        yield dagster.url


@pytest.fixture
def page(browser: Browser) -> Page:
    made = browser.new_page(viewport={"width": 1600, "height": 900})
    made.set_default_timeout(60_000)
    return made


def picture(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")


def backfill(page: Page, ui: str, record_type: str) -> None:
    """The README's five clicks: Catalog, the export, Materialize selected, All, Launch backfill."""
    page.goto(ui)
    page.get_by_role("link", name="Catalog").click()
    page.get_by_test_id(f"checkbox-{record_type}/export").locator("xpath=ancestor::label").click()
    page.get_by_role("button", name="Materialize selected").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="All", exact=True).click()
    picture(page, f"backfill-{record_type}")
    dialog.get_by_role("button", name="Launch backfill").click()
    expect(dialog).to_be_hidden()


def materialize_the_lane(page: Page, ui: str, record_type: str) -> None:
    """The same from the lane itself: all of it is selected, and still the backfill only asks."""
    page.goto(f"{ui}/locations/pipeline/asset-groups/{record_type}/lineage")
    page.get_by_role("button", name="Materialize all").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="All", exact=True).click()
    dialog.get_by_role("button", name="Launch backfill").click()
    expect(dialog).to_be_hidden()


def test_a_backfill_over_three_months_turns_every_partition_green(
    page: Page, ui: str, settings: Settings, months: list[Month]
) -> None:
    backfill(page, ui, "cdr_in")
    materialize_the_lane(page, ui, "cdr_out")
    for asset in ("cdr_in", "cdr_out", "marts/daily_traffic"):
        page.goto(f"{ui}/assets/{asset}?view=partitions")
        expect(page.get_by_text(f"Materialized ({len(months)})")).to_be_visible(timeout=PATIENCE)
        expect(page.get_by_text("Failed (0)")).to_be_visible()
    page.goto(f"{ui}/assets/cdr_in?view=partitions&partition={months[1]}")
    expect(page.get_by_text("dagster/partition_row_count")).to_be_visible()
    picture(page, "partition")
    page.goto(f"{ui}/assets/warehouse?view=checks")
    expect(page.get_by_text("Succeeded").first).to_be_visible(timeout=PATIENCE)
    picture(page, "checks")
    page.goto(f"{ui}/locations/pipeline/asset-groups/cdr_in/lineage")
    expect(page.get_by_text("100% filled").nth(3)).to_be_visible(timeout=PATIENCE)
    page.wait_for_timeout(1_000)  # the graph fades in
    picture(page, "lane")
    states = {row.month: row.state for row in Operations(settings).ledger.coverage()}
    assert states == {str(months[0]): "settling", str(months[1]): "settling", str(months[2]): "open"}


def test_the_catalogue_says_what_a_column_is(page: Page, ui: str) -> None:
    page.goto(f"{ui}/assets/marts/daily_traffic?view=overview")
    expect(page.get_by_text("Answer-seizure ratio by call").first).to_be_visible()
    expect(page.get_by_text("DOUBLE").first).to_be_visible()
    picture(page, "catalogue")
