"""Traffic day by day: calls, ASR and ACD of each direction."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any

from pipeline.report.charts import DIRECTIONS, Scale, Shape, by_day, pivot
from pipeline.report.parts import Chart, Column, Section, table
from pipeline.report.published import Published, Row
from pipeline.report.wording import count, day, seconds, share, usd

_DAYS = """
SELECT day, direction, calls, answered_calls, asr_call, acd_seconds, minutes, cost_usd
FROM marts.daily_traffic WHERE month = $month ORDER BY day, direction
"""


def traffic(published: Published) -> Section:
    """Three charts and the exact figures."""
    rows = published.rows(_DAYS)
    if not rows:
        return Section("traffic", "Traffic", ["marts.daily_traffic has no day of this month."])
    return Section(
        "traffic",
        "Traffic",
        [_busiest(rows)],
        [
            _chart(published, rows, "calls", "Calls per day", Scale(), wide=True),
            _chart(published, rows, "asr_call", "ASR: share of calls answered", Scale(".0%", ".1%")),
            _chart(
                published, rows, "acd_seconds", "ACD: mean length of answered calls, seconds", Scale(",.0f", ",.1f")
            ),
            table("Traffic per day", _both(rows), _COLUMNS, folded=True),
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
    Column("day", "Day", day, left=True),
    *(Column(f"{name}-{way}", f"{head} {way}", write) for name, head, write in _FIGURES for way in ("in", "out")),
)


def _both(rows: Sequence[Row]) -> list[Row]:
    """One row per day, each figure of both directions side by side."""
    days: dict[Any, dict[str, Any]] = {}
    for row in rows:
        blank = {"day": row["day"], **dict.fromkeys(column.name for column in _COLUMNS[1:])}
        found = days.setdefault(row["day"], blank)
        found.update({f"{name}-{row['direction']}": row[name] for name, _, _ in _FIGURES})
    return list(days.values())


def _busiest(rows: Sequence[Row]) -> str:
    days: Counter[date] = Counter()
    for row in rows:
        days[row["day"]] += row["calls"]
    busiest, calls = max(days.items(), key=lambda found: found[1])
    return f"The busiest day was {day(busiest)} with {count(calls)} calls in both directions."


def _chart(
    published: Published, rows: Sequence[Row], name: str, title: str, scale: Scale, *, wide: bool = False
) -> Chart:
    shape: Shape = "groups" if name == "calls" else "lines"
    spec = by_day(published.month, pivot(rows, "direction", name), DIRECTIONS, scale, shape, wide=wide)
    about = f"{title}, inbound and outbound; the figures are in the table of this section."
    return Chart(name.replace("_", "-"), title, about, spec, wide)
