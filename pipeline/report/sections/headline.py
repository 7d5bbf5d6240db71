"""Show the month in six figures, each with its change against the month before, weekday by weekday."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.report.parts import Cell, Section, Table
from pipeline.report.published import Published, Row
from pipeline.report.wording import change, count, month_name, points, seconds, several, share, usd


@dataclass(frozen=True)
class Measure:
    """One headline figure: its column, its label, and how the figure and its change are written."""

    name: str
    head: str
    write: Callable[[Any], str]
    write_change: Callable[[Any], str] = change


MEASURES = (
    Measure("calls", "Calls", count),
    Measure("answered_calls", "Answered", count),
    Measure("asr_call", "ASR", share, points),
    Measure("acd_seconds", "ACD", seconds),
    Measure("minutes", "Minutes", count),
    Measure("cost_usd", "Cost, USD", usd),
)

_DIRECTIONS = {"both": "Both", "in": "Inbound", "out": "Outbound"}


def headline(published: Published) -> Section:
    """Return the figures of both directions together and apart."""
    figures = {row["direction"]: row for row in published.rows("headline")}
    heads = [Cell(""), *(Cell(head, number=True) for head in _DIRECTIONS.values())]
    return Section(
        "headline",
        "The month in figures",
        [_comparison(published, known=any(row["compared"] for row in figures.values()))],
        [Table("Headline figures", heads, [_line(one, figures) for one in MEASURES], kind="headline")],
        brief=_brief(published, figures),
    )


def _line(measure: Measure, figures: Mapping[str, Row]) -> list[Cell]:
    rows = [figures.get(direction, {}) for direction in _DIRECTIONS]
    return [
        Cell(measure.head),
        *(
            Cell(
                measure.write(row.get(measure.name)),
                number=True,
                note=measure.write_change(row.get(f"change_of_{measure.name}")),
            )
            for row in rows
        ),
    ]


def _comparison(published: Published, *, known: bool) -> str:
    """Say what the changes compare, or why the changes are missing."""
    past = month_name(published.month.shift(-1))
    if published.running and not published.whole_days:
        return f"The month has no whole day yet to compare with {past}."
    if not known:
        return f"There are no whole figures of {past} to compare with."
    mean = f"with the mean of its weekday in {past}, so that a working day more is no change; pp are percentage points."
    if published.running:
        days = several(published.whole_days, "whole day")
        return f"The month is running: small figures compare each of its first {days} {mean}"
    return f"Small figures compare each day {mean}"


def _brief(published: Published, figures: Mapping[str, Row]) -> Mapping[str, str]:
    if not figures:
        return {}
    month, past = month_name(published.month), month_name(published.month.shift(-1))
    cost = {direction: usd(figures.get(direction, {}).get("cost_usd") or 0) for direction in _DIRECTIONS}
    more = change(figures["both"]["change_of_cost_usd"])
    so_far, days = (" so far", "its whole days ") if published.running else ("", "")
    against = f"; {days}{more} against {past}, weekday by weekday" if more else ""
    return {
        "Cost": f"{month} cost USD {cost['both']}{so_far}: {cost['in']} inbound and {cost['out']} outbound{against}.",
        "Traffic": _traffic(figures["both"]),
    }


def _traffic(both: Row) -> str:
    if not both["calls"]:
        return "No calls."
    return (
        f"{several(both['calls'], 'call')}; {share(both['asr_call'])} of them were answered, with "
        f"{several(both['minutes'], 'minute')} of talk."
    )
