"""Markdown and drawings for the UI: small enough to be shown in place, and nothing in them is a link or a tag."""

import base64
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from xml.etree import ElementTree as ET

import pytest

from pipeline.defs import markdown, plots
from pipeline.months import Month
from pipeline.warehouse.coverage import State
from pipeline.warehouse.preview import Days
from pipeline.warehouse.records import Coverage

IN_PLACE = 1000
"""Characters of Markdown from which on the UI hides it behind a click."""

LONGEST = Month(2026, 10)
BUSY = {date(2026, 10, day): 1_000_000 + 7_919 * day for day in range(1, 32)}


def drawn(text: str) -> ET.Element:
    found = re.match(r"!\[[^\]]+\]\(data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)\)", text)
    assert found
    return ET.fromstring(base64.b64decode(found[1]))  # noqa: S314 - our own drawing


def steps(shape: ET.Element) -> list[int]:
    """How far from the top each day of a step line is."""
    return [int(height) for height in re.findall(r"V(\d+)h1", shape.attrib["d"])]


def test_the_longest_and_busiest_month_is_shown_in_place() -> None:
    text = plots.traffic(LONGEST, {"attempts": BUSY, "answered": BUSY})
    assert len(text) < IN_PLACE
    image = drawn(text)
    assert [shape.tag.rpartition("}")[2] for shape in image] == ["path", "path"]
    assert (image.attrib["width"], image.attrib["height"]) == ("434", "90")  # 31 days of 14 pixels
    assert image.attrib["viewBox"] == "0 0 31 90"
    assert [len(steps(shape)) for shape in image] == [31, 31]
    assert [shape.attrib["fill"] for shape in image] == ["#8bf", "none"]
    assert image[1].attrib["stroke"] == "#e70"
    assert "blue: attempts, 34,927,824 in all, most on 2026-10-31 (1,245,489)" in text


def test_a_day_is_as_high_as_its_share_of_the_busiest_and_a_day_without_calls_is_nothing() -> None:
    shape = drawn(plots.traffic(Month(2026, 2), {"in": {date(2026, 2, 1): 10, date(2026, 2, 2): 5}}))[0]
    assert shape.attrib["d"].startswith("M0 90V1h1V46h1V90h1V90h1")
    assert shape.attrib["d"].count("h1") == 28


@pytest.mark.parametrize("series", [{}, {"in": {}, "out": {}}, {"in": {date(2026, 10, 1): 0}}])
def test_a_month_without_calls_is_a_line_at_the_bottom(series: Days) -> None:
    image = drawn(plots.traffic(LONGEST, series))
    assert [steps(shape) for shape in image] == [[90] * 31] * len(series)


def covered(record_type: str, month: str, state: State) -> Coverage:
    return Coverage(record_type, month, state.value, None, None, None, None, None, None, datetime.now(UTC), 1)


def test_coverage_is_a_cell_per_month_in_the_colour_of_its_state() -> None:
    rows = [covered(kind, f"2026-{n:02d}", State.SEALED) for kind in ("cdr_in", "cdr_out") for n in range(1, 12)]
    text = plots.coverage([*rows, covered("cdr_in", "2026-12", State.MISSING)])
    labels = [shape.text for shape in drawn(text) if "d" not in shape.attrib]
    assert labels == ["cdr_in", "cdr_out"]
    sealed, missing = (shape.attrib for shape in drawn(text) if "d" in shape.attrib)
    assert (sealed["fill"], missing["fill"]) == ("green", "red")
    assert (sealed["d"].count("M"), missing["d"].count("M")) == (22, 1)
    assert missing["d"].startswith("M258 0h")
    assert text.endswith("2026-01 to 2026-12; green: sealed, red: missing")
    assert plots.coverage([]) == ""


def test_a_table_shows_money_to_its_last_digit_and_numbers_to_the_right() -> None:
    rows = [("in", Decimal("0.100000"), 2 / 3, None), ("out", Decimal("12345678901.123456"), None, date(2026, 10, 1))]
    assert markdown.table(["direction", "cost", "asr", "day"], rows).splitlines() == [
        "| direction | cost | asr | day |",
        "| --- | --: | --: | --- |",
        "| in | 0.100000 | 0.666667 |  |",
        "| out | 12345678901.123456 |  | 2026-10-01 |",
    ]


def test_what_a_far_end_sent_is_neither_image_nor_link_nor_html_nor_a_cell_more() -> None:
    cell = markdown.table(["reason"], [("![x](http://evil/p.png)<img src=x> | a\nb `c` &amp;",)]).splitlines()[-1]
    assert not re.search(r"(?<!\\)[!\[\]<>`&*]", cell)
    assert len(re.findall(r"(?<!\\)\|", cell)) == 2
    assert len(markdown.table(["reason"], [("x" * 500,)]).splitlines()[-1]) < 80
