"""Show traffic day by day: calls, ASR and ACD of each direction."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from pipeline.report.charts import DIRECTIONS, DailyChart, by_day, day_name, pivot
from pipeline.report.parts import Column, Section, table
from pipeline.report.published import Published, Row
from pipeline.report.wording import count, day, seconds, several, share, usd


def _chart(name: str, title: str, axis: str, hover: str) -> DailyChart:
    about = f"{title}, inbound and outbound; the figures are in the table of this section."
    return DailyChart(name, title, about, DIRECTIONS, "lines", axis, hover, wide=False)


_CHARTS = {
    "calls": replace(_chart("calls", "Calls per day", ",.0f", ",.0f"), shape="groups", wide=True),
    "asr_call": _chart("asr-call", "ASR: share of calls answered", ".0%", ".1%"),
    "acd_seconds": _chart("acd-seconds", "ACD: mean length of answered calls, seconds", ",.0f", ",.1f"),
}


def traffic(published: Published) -> Section:
    """Return three charts and the exact figures."""
    rows = published.rows("traffic_days")
    if not rows:
        return Section("traffic", "Traffic", [published.empty("marts.daily_traffic", "No calls in this month.")])
    return Section(
        "traffic",
        "Traffic",
        [_busiest(published, rows)],
        [
            *(by_day(published, pivot(rows, "direction", figure), chart) for figure, chart in _CHARTS.items()),
            table("Traffic per day", _both(published, rows), _COLUMNS, folded=True),
        ],
    )


_FIGURES = (
    ("calls", "Calls", count),
    ("asr_call", "ASR", share),
    ("acd_seconds", "ACD", seconds),
    ("minutes", "Minutes", count),
    ("cost_usd", "Cost, USD", usd),
)
_COLUMNS = (
    Column("day", "Day, UTC"),
    *(Column(f"{name}-{way}", f"{head} {way}", write) for name, head, write in _FIGURES for way in ("in", "out")),
)


def _both(published: Published, rows: Sequence[Row]) -> list[Row]:
    """Return a row for each day, with the figures of both directions side by side."""
    days: dict[Any, dict[str, Any]] = {}
    for row in rows:
        blank = {"day": day_name(published, row["day"]), **dict.fromkeys(column.name for column in _COLUMNS[1:])}
        found = days.setdefault(row["day"], blank)
        found.update({f"{name}-{row['direction']}": row[name] for name, _, _ in _FIGURES})
    return list(days.values())


def _busiest(published: Published, rows: Sequence[Row]) -> str:
    days: Counter[date] = Counter()
    for row in rows:
        days[row["day"]] += row["calls"]
    busiest, calls = max(days.items(), key=lambda found: found[1])
    so_far = " so far" if published.running else ""
    return f"The busiest day (UTC){so_far} was {day(busiest)} with {several(calls, 'call')} in both directions."
