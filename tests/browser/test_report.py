"""The report as a reader opens it: from a file, without a network, on paper, in the dark, on a telephone."""

import re
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, expect
from pydantic import SecretStr

from pipeline.months import Month
from pipeline.operations.wiring import Operations
from pipeline.report import write
from pipeline.sandbox import Sandbox
from pipeline.settings import Settings
from tests.browser.test_ui import picture

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

MONTH = Month(2026, 10)
HOSTILE = '</script><script>document.title = "taken"</script><img src=x onerror="document.title = 1">'

Opened = Callable[..., Page]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a month in which a trunk has a name that would like to be a script."""
    folder = tmp_path_factory.mktemp("report")
    now = MONTH.shift(1).start + timedelta(days=20, hours=12)
    delay = timedelta(0)
    with Sandbox(calls_per_day=60, clock=lambda: now, pending=delay, processing=delay, rate_limit=None) as vendor:
        settings = Settings(
            didww_api_key=SecretStr(vendor.api_key), didww_api_url=vendor.url, cdr_data_dir=folder, _env_file=None
        )
        operations = Operations(settings, clock=lambda: now)
        for record_type in settings.cdr_record_types:
            [asked] = operations.requester.request(record_type, [MONTH]).all()
            operations.lander.land(
                record_type, MONTH, next(one for one in operations.listings.read("didww") if one.id == asked.export.id)
            )
            operations.loader.load(record_type, MONTH)
        operations.rebuilder.refresh()
    shutil.copyfile(operations.place.warehouse, folder / "hostile.duckdb")
    with duckdb.connect(str(folder / "hostile.duckdb")) as db:
        db.execute("UPDATE marts.trunk_quality SET trunk_name = ? WHERE trunk_name LIKE '%HQ%'", [HOSTILE])
    write(folder / "hostile.duckdb", MONTH, folder / "report.html")
    return folder / "report.html"


@pytest.fixture
def opened(browser: Browser, report: Path) -> Iterator[Opened]:
    """Opens the report; afterwards nothing may have been said on the console, and nothing asked for."""
    said: list[str] = []
    asked: list[str] = []

    def hear(message: ConsoleMessage | Error) -> None:
        said.append(message.text if isinstance(message, ConsoleMessage) else message.message)

    def open_it(*, width: int = 1200, dark: bool = False, script: bool = True) -> Page:
        page = browser.new_page(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            java_script_enabled=script,
        )
        page.context.set_offline(True)
        page.on("console", hear)
        page.on("pageerror", hear)
        page.on("request", lambda request: asked.append(request.url))
        page.goto(report.as_uri())
        if script:
            expect(page.locator(".chart[data-live] svg")).to_have_count(page.locator(".chart").count())
        return page

    yield open_it
    assert said == []
    assert set(asked) == {report.as_uri()}


def test_every_chart_is_drawn_and_nothing_runs_that_is_not_ours(opened: Opened, report: Path) -> None:
    page = opened()
    assert report.stat().st_size < 3_000_000
    assert page.locator(".chart").count() >= 4
    assert page.locator("#chart-calls .mark-rect path").count() >= 2 * 31
    assert page.title() == "Call records, October 2026"
    expect(page.locator("#trunks th", has_text="document.title")).to_be_visible()
    picture(page, "report")


def test_a_day_tells_its_figures_and_the_legend_picks_a_direction(opened: Opened) -> None:
    page = opened()
    chart = page.locator("#chart-calls")
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tooltip = page.locator("#vg-tooltip-element.visible")
    expect(tooltip).to_contain_text(re.compile(r"(Thu 15|Fri 16|Sat 17) Oct.*Inbound.*\d+.*Outbound.*\d+", re.DOTALL))
    chart.get_by_text("Outbound").click()
    expect(chart.locator(".mark-rect path[opacity='0.12']").first).to_be_attached()


@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out_from_the_paper_by_day_and_by_night(opened: Opened, dark: bool) -> None:
    page = opened(dark=dark)
    colours = page.evaluate("""() => ['background-color', 'color'].map(
        (name) => getComputedStyle(document.body).getPropertyValue(name).match(/\\d+/g).map(Number))""")
    paper, ink = (sum(colour) / 3 for colour in colours)
    assert (paper < 40, ink > 200) if dark else (paper > 240, ink < 60)
    label = page.locator("#chart-calls .role-axis-label text").first
    expect(label).to_have_css("fill", "rgb(155, 163, 171)" if dark else "rgb(92, 99, 105)")
    picture(page, "report-dark" if dark else "report-light")


@pytest.mark.parametrize("width", [390, 768, 1600])
def test_the_page_is_never_wider_than_the_window(opened: Opened, width: int) -> None:
    page = opened(width=width)
    page.locator("summary").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for place in page.locator(".chart svg").all():
        box = place.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= width
    picture(page, f"report-{width}")


def test_it_can_be_read_with_the_keyboard_alone(opened: Opened) -> None:
    page = opened()
    summary = page.locator("summary").first
    summary.focus()
    page.keyboard.press("Enter")
    expect(page.locator("details").first).to_have_attribute("open", "")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "region"


def test_it_is_whole_where_no_script_runs(opened: Opened) -> None:
    page = opened(script=False)
    for chart in page.locator(".chart").all():
        expect(chart.locator("svg")).to_be_visible()
    expect(page.locator("#headline td").first).to_be_visible()


def test_on_paper_it_is_light_and_shows_what_is_folded(opened: Opened, tmp_path: Path) -> None:
    page = opened(dark=True)
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    for table in page.locator("details table").all():
        expect(table).to_be_visible()
    assert page.pdf(path=tmp_path / "report.pdf", prefer_css_page_size=True)[:4] == b"%PDF"
