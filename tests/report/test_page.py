"""The file: whole or absent, self-contained, safe against what records say, and rewritten only when it changed."""

import os
import re
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.errors import PermanentError
from pipeline.months import Month
from pipeline.operations.wiring import Operations
from pipeline.report import write
from pipeline.report.page import render
from pipeline.report.parts import Chart, Section
from pipeline.report.published import month_of
from pipeline.report.wording import NONE, change, usd
from tests.report.conftest import Edited, Reported
from tests.report.reader import read

OCTOBER = Month(2026, 10)
HOSTILE = '</script><script>alert("1")</script><img src=x onerror=alert(2)>'


def test_a_hostile_name_is_text_and_nothing_else(edited: Edited, report: Reported) -> None:
    statements = [
        "UPDATE marts.trunk_quality SET trunk_name = ?",
        "UPDATE marts.disconnect_causes SET disconnect_reason = ?",
        "UPDATE marts.cost_by_country SET destination_country = ?",
        "UPDATE marts.cost_by_network SET network = ?",
        "UPDATE marts.did_usage SET did_number = ?",
    ]
    page, plain = report("2026-10", edited(*statements, given=[HOSTILE])), report("2026-10")
    assert HOSTILE not in page.source
    assert {tag for tag, _ in page.elements} == {tag for tag, _ in plain.elements}
    assert sum(tag == "script" for tag, _ in page.elements) == 2
    assert any(HOSTILE in cells[0] for cells in page.tables["trunks"][0])
    assert page.brief["Busiest DID"].startswith(HOSTILE)


def test_hostile_data_of_a_chart_stay_in_their_json(operations: Operations, tmp_path: Path) -> None:
    spec = {"data": {"values": [{"a": HOSTILE}]}, "mark": "text", "encoding": {"text": {"field": "a"}}}
    sections = [Section("one", HOSTILE, [HOSTILE], [Chart("a", HOSTILE, HOSTILE, spec)], {HOSTILE: HOSTILE})]
    with month_of(operations.place.warehouse, OCTOBER) as published:
        (tmp_path / "page.html").write_text(render(published, sections, "0"), "utf-8")
    page = read(tmp_path / "page.html")
    assert page.figures == {"a": spec}
    assert not any(tag == "img" for tag, _ in page.elements)
    assert sum(tag == "script" for tag, _ in page.elements) == 2


def test_it_fetches_nothing_and_only_its_own_script_may_run(report: Reported) -> None:
    page = report()
    assert len(page.elements) > 1_000
    assert not {"link", "iframe", "img", "object"} & {tag for tag, _ in page.elements}
    assert all(not given.get("src") for _, given in page.elements)
    links = {given["href"] for tag, given in page.elements if tag == "a"}
    assert links == {f"#{section}" for section in page.sentences}
    policy = next(given["content"] for tag, given in page.elements if "http-equiv" in given)
    assert re.fullmatch(r"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-[\w+/=]+'", policy)
    assert len(page.source.encode()) < 3_000_000


def test_every_chart_is_drawn_already_and_has_its_sentence(report: Reported) -> None:
    page = report()
    assert {"calls", "asr-call", "acd-seconds", "cost", "peak-channels"} == page.figures.keys()
    drawn = [given for tag, given in page.elements if given.get("class") == "chart"]
    assert {given["id"] for given in drawn} == {f"chart-{name}" for name in page.figures}
    assert all(given["role"] == "img" and given["aria-label"] for given in drawn)
    assert page.drawings.keys() == {f"chart-{name}" for name in page.figures}


@pytest.mark.parametrize(("month", "days", "whole"), [("2026-10", 31, 31), ("2026-11", 21, 20)])
def test_a_drawing_shows_every_figure_of_its_chart(month: str, days: int, whole: int, report: Reported) -> None:
    """A bar for each day and direction that has a figure, a point on a line for each that is over."""
    page = report(month)
    for name in ("calls", "peak-channels"):
        bars = _marks(page.drawings[f"chart-{name}"], "mark-rect", "var(--in)", "var(--out)")
        figures = [day[way] for day in page.figures[name]["data"]["values"] for way in ("in", "out")]
        assert len(bars) == sum(figure is not None for figure in figures) == 2 * days
        pale = [bar for bar in bars if float(bar.get("fill-opacity", "1")) < 1]
        assert len(pale) == 2 * (days - whole)
    for name in ("asr-call", "acd-seconds"):
        points = _marks(page.drawings[f"chart-{name}"], "mark-symbol", "var(--in)", "var(--out)")
        assert len(points) == 2 * whole + 2  # and the squares of the legend
    parts = {one: len(_marks(page.drawings["chart-cost"], "mark-rect", one)) for one in ("var(--out)", "var(--in-2)")}
    assert parts["var(--out)"] == days
    assert parts["var(--in-2)"] > 0


def _marks(drawing: list[dict[str, str]], kind: str, *colours: str) -> list[dict[str, str]]:
    """The shapes of a drawing in one of the colours, of a group of this kind of mark."""
    return [
        shape for shape in drawing if kind in shape["groups"] and {shape.get("fill"), shape.get("stroke")} & {*colours}
    ]


def bare(warehouse: Path) -> list[str]:
    """The statements that take every mart, trend and record but coverage out of a file."""
    with duckdb.connect(str(warehouse)) as db:
        found = db.execute("SELECT table_type, table_schema, table_name FROM information_schema.tables").fetchall()
    return [
        f"DROP {'VIEW' if kind == 'VIEW' else 'TABLE'} {schema}.{name}"
        for kind, schema, name in found
        if schema in {"marts", "trends"} or name in {"differences", "exports", "rejected_rows"}
    ]


def test_a_section_without_its_table_says_so(edited: Edited, report: Reported) -> None:
    statements = bare(edited())
    assert len(statements) > 20
    page, plain = report("2026-10", edited(*statements)), report("2026-10")
    assert page.sentences.keys() == plain.sentences.keys()
    for section in ("traffic", "cost", "dids", "destinations", "trunks", "causes", "watch", "capacity", "advice"):
        assert "marts." in page.said(section), section
        assert page.tables[section] == []
    assert page.brief.keys() == {"At risk"}


def test_a_month_of_which_nothing_is_loaded_has_no_report(operations: Operations, tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match=r"Nothing of 2026-07 is loaded.*cdr backfill --from 2026-07"):
        write(operations.place.warehouse, Month(2026, 7), tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []


def test_where_it_cannot_be_written_one_sentence_says_so(operations: Operations, tmp_path: Path) -> None:
    (tmp_path / "reports").touch()
    with pytest.raises(PermanentError, match=r"The report could not be written to .*reports"):
        write(operations.place.warehouse, OCTOBER, tmp_path / "reports" / "report.html")


def test_what_a_killed_process_left_is_removed(operations: Operations, tmp_path: Path) -> None:
    (tmp_path / ".report.html.0123").write_text("half")
    write(operations.place.warehouse, OCTOBER, tmp_path / "report.html")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_sealed_month_is_written_again_only_when_its_figures_changed(edited: Edited, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    sealed = edited("UPDATE coverage SET state = 'sealed' WHERE month = '2026-10'")
    assert write(sealed, OCTOBER, file)
    inode = file.stat().st_ino
    edited("UPDATE coverage SET days_left = days_left - 1")
    os.utime(sealed, (1e9, 1e9))
    assert not write(sealed, OCTOBER, file)
    assert file.stat().st_ino == inode
    assert write(sealed, OCTOBER, file, again=True)
    edited("UPDATE marts.daily_traffic SET calls = calls + 1 WHERE day = '2026-10-05' AND direction = 'in'")
    assert write(sealed, OCTOBER, file)


def test_a_month_that_is_not_sealed_tells_the_days_left_anew(edited: Edited, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    warehouse = edited()
    write(warehouse, OCTOBER, file)
    edited("UPDATE coverage SET days_left = days_left - 1")
    assert write(warehouse, OCTOBER, file)
    assert "forgets it in 8 days" in read(file).brief["At risk"]


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=6))
@example(Decimal("0.005"))
@example(Decimal("-0.005"))
def test_money_that_is_not_nothing_is_never_written_as_nothing(amount: Decimal) -> None:
    digits = usd(amount).strip("\N{MINUS SIGN}")
    assert (Decimal(digits.replace(",", "")) == 0) == (amount == 0)


@given(st.floats(-1, 10**9))
@example(-0.0004)
def test_a_change_has_its_sign_and_nothing_is_more_than_nothing(ratio: float) -> None:
    written = change(ratio)
    assert written.startswith("+" if ratio > 0 or written[1:].startswith("0.0\N{NO-BREAK SPACE}") else "\N{MINUS SIGN}")
    assert change(None) == ""
    assert usd(None) == NONE
