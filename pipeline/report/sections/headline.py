"""The month in six figures, each against the month before."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.report.parts import Cell, Section, Table
from pipeline.report.published import Published, Row
from pipeline.report.wording import change, count, month_name, points, seconds, several, share, usd
from pipeline.warehouse.coverage import State

_TOTALS = """
SELECT
    month,
    coalesce(direction, 'both') AS direction,
    sum(calls) AS calls,
    sum(answered_calls) AS answered_calls,
    sum(answered_calls) / nullif(sum(calls), 0) AS asr_call,
    sum(duration_seconds) / nullif(sum(answered_calls), 0) AS acd_seconds,
    sum(duration_seconds) / 60 AS minutes,
    sum(cost_usd) AS cost_usd
FROM marts.daily_traffic
WHERE month IN ($month, $before) AND day(day) <= {days}
GROUP BY GROUPING SETS ((month, direction), (month))
"""


@dataclass(frozen=True)
class Measure:
    """One headline figure: how it is written, and how it is compared."""

    name: str
    head: str
    write: Callable[[Any], str]
    compare: Callable[[Any, Any], str] = change


MEASURES = (
    Measure("calls", "Calls", count),
    Measure("answered_calls", "Answered", count),
    Measure("asr_call", "ASR", share, points),
    Measure("acd_seconds", "ACD", seconds),
    Measure("minutes", "Minutes", count),
    Measure("cost_usd", "Cost, USD", usd),
)


Totals = Mapping[tuple[str, str], Row]
"""The figures of a month and direction; ``both`` is a direction too."""


def headline(published: Published) -> Section:
    """Both directions together and apart, and the change against the month before."""
    shown = _totals(published, 31)
    now, before = _compared(published, shown)
    key = str(published.month)
    rows = [
        [
            Cell(measure.head),
            *(_cell(measure, shown.get((key, way), {}), now.get(way, {}), before.get(way, {})) for way in _WAYS),
        ]
        for measure in MEASURES
    ]
    heads = [Cell(""), *(Cell(head, number=True) for head in _WAYS.values())]
    more = change(now.get("both", {}).get("cost_usd"), before.get("both", {}).get("cost_usd"))
    return Section(
        "headline",
        "The month in figures",
        [_told(published, bool(before))],
        [Table("Headline figures", heads, rows, kind="headline")],
        brief=_brief(published, shown, more),
    )


_WAYS = {"both": "Both", "in": "Inbound", "out": "Outbound"}


def _totals(published: Published, days: int) -> Totals:
    rows = published.rows(_TOTALS.format(days=days))
    return {(row["month"], row["direction"]): row for row in rows}


def _compared(published: Published, shown: Totals) -> tuple[dict[str, Row], dict[str, Row]]:
    """What can be compared, by direction, now and before: like with like, of a running month its whole days."""
    key, past = str(published.month), str(published.month.shift(-1))
    totals = _totals(published, published.whole_days) if published.running else shown
    if any(row.month == past and row.state == State.OPEN.value for row in published.coverage):
        return {}, {}
    now, before = ({way: row for (month, way), row in totals.items() if month == one} for one in (key, past))
    if now.keys() != before.keys():
        before.pop("both", None)
    return now, before


def _cell(measure: Measure, shown: Row, now: Row, before: Row) -> Cell:
    note = measure.compare(now.get(measure.name), before.get(measure.name))
    return Cell(measure.write(shown.get(measure.name)), number=True, note=note)


def _told(published: Published, known: bool) -> str:
    past = month_name(published.month.shift(-1))
    if published.running and not published.whole_days:
        return f"The month has no whole day yet to compare with {past}."
    if not known:
        return f"There are no whole figures of {past} to compare with."
    if published.running:
        days = several(published.whole_days, "whole day")
        return f"The month is running: small figures compare its first {days} with the same days of {past}."
    return f"Small figures are the change since {past}; pp are percentage points."


def _brief(published: Published, shown: Totals, more: str) -> Mapping[str, str]:
    figures = {way: shown.get((str(published.month), way), {}) for way in _WAYS}
    both = figures["both"]
    if not both:
        return {}
    cost = {way: usd(row.get("cost_usd") or 0) for way, row in figures.items()}
    so_far, same = (" so far", "the same days of ") if published.running else ("", "")
    against = f"; {more} against {same}{month_name(published.month.shift(-1))}" if more else ""
    return {
        "Cost": f"{month_name(published.month)} cost USD {cost['both']}{so_far}: "
        f"{cost['in']} inbound and {cost['out']} outbound{against}.",
        "Traffic": f"{count(both['calls'])} calls, of which {share(both['asr_call'])} were answered; "
        f"{count(both['minutes'])} minutes were talked.",
    }
