"""Chart a month by day in Vega-Lite's grammar; colours come from the style sheet, for light, dark and print."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

from pipeline.report.parts import Chart, Spec
from pipeline.report.published import Published, Row
from pipeline.report.wording import day as day_text

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"

_CONFIG: Spec = {
    "background": None,
    "font": "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
    "aria": False,  # the figure has a sentence and a table; a label for each day would be noise
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--muted)",
        "labelFontSize": 11,
        "domain": False,
        "ticks": False,
        "gridColor": "var(--rule)",
    },
    "legend": {
        "labelColor": "var(--ink)",
        "labelFontSize": 12,
        "title": None,
        "orient": "top",
        "symbolType": "square",
        "labelLimit": 0,
    },
}


@dataclass(frozen=True)
class Series:
    """One field of the rows, with its label in the legend and its colour."""

    field: str
    label: str
    colour: str


DIRECTIONS = (Series("in", "Inbound", "var(--in)"), Series("out", "Outbound", "var(--out)"))


@dataclass(frozen=True)
class DailyChart:
    """What a chart by day shows of a month.

    ``about`` describes it for a reader who cannot see it. ``axis`` and ``hover`` are d3's formats of figures on the
    vertical axis and in the hover text.
    """

    name: str
    title: str
    about: str
    series: Sequence[Series]
    shape: Literal["lines", "stacks", "groups"]
    axis: str = ",.0f"
    hover: str = ",.0f"
    wide: bool = True


def pivot(rows: Sequence[Row], by: str, figure: str) -> list[Row]:
    """Return a row for each day, with a field for each value of a column.

    Args:
        rows: Rows with a ``day``, the column and the figure.
        by: The column whose values become fields.
        figure: The column whose values fill the fields.
    """
    days: dict[Any, dict[str, Any]] = {}
    for row in rows:
        days.setdefault(row["day"], {"day": row["day"]})[row[by]] = row[figure]
    return list(days.values())


def day_name(published: Published, day: date) -> str:
    """Return the day as text, marked if it was not over at its export."""
    return day_text(day) if published.whole(day) else f"{day_text(day)}, not over"


def by_day(published: Published, rows: Sequence[Row], chart: DailyChart) -> Chart:
    """Draw a figure for each day and series: weekends are shaded, a day shows its figures on hover.

    Args:
        published: The month.
        rows: Rows with a ``day`` and the fields of the series.
        chart: What to draw.
    """
    days = _days(published, rows, chart.series)
    spec = {
        "$schema": SCHEMA,
        "width": 900 if chart.wide else 420,
        "height": 200 if chart.wide else 160,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "data": {"values": days},
        "encoding": {"x": _day_axis(len(days))},
        "layer": [_weekends(), _marks(chart), _hover(chart)],
        "config": _CONFIG,
    }
    part = "left out" if chart.shape == "lines" else "pale"
    title = f"{chart.title} (UTC)" + (f"; {part}: days that are not over" if published.running else "")
    return Chart(chart.name, title, chart.about, spec, chart.wide)


def _days(published: Published, rows: Sequence[Row], series: Sequence[Series]) -> list[dict[str, Any]]:
    """Return a row for each day of the month, also for days without a figure."""
    found = {row["day"]: row for row in rows}
    month = published.month
    days = [(month.start + timedelta(days=number)).date() for number in range((month.end - month.start).days)]
    return [
        {
            "day": day.day,
            "date": day_name(published, day),
            "weekend": day.weekday() >= 5,
            "part": not published.whole(day),
            **{one.field: _number(found.get(day, {}).get(one.field)) for one in series},
        }
        for day in days
    ]


def _day_axis(days: int) -> Spec:
    return {
        "field": "day",
        "type": "ordinal",
        "scale": {"domain": list(range(1, days + 1)), "paddingInner": 0.15, "paddingOuter": 0.1},
        "axis": {"title": None, "labelAngle": 0, "labelOverlap": "parity", "labelSeparation": 5, "grid": False},
    }


def _weekends() -> Spec:
    return {
        "transform": [{"filter": "datum.weekend"}],
        "mark": {"type": "rect", "fill": "var(--shade)", "stroke": "var(--shade)", "strokeWidth": 4},
    }


def _marks(chart: DailyChart) -> Spec:
    lines, series = chart.shape == "lines", chart.series
    fields = [one.field for one in series]
    labels = json.dumps({one.field: one.label for one in series})
    return {
        "transform": [
            {"fold": fields, "as": ["series", "figure"]},
            {"calculate": f"indexof({json.dumps(fields)}, datum.series)", "as": "place"},
            *([{"filter": "!datum.part"}] if lines else []),
        ],
        "params": [{"name": "picked", "select": {"type": "point", "fields": ["series"]}, "bind": "legend"}],
        "mark": {"type": "line", "strokeWidth": 2, "point": {"size": 22}} if lines else {"type": "bar"},
        "encoding": {
            "y": {
                "field": "figure",
                "type": "quantitative",
                "scale": {"zero": not lines},
                "axis": {"title": None, "format": chart.axis, "tickCount": 4},
            },
            "color": {
                "field": "series",
                "type": "nominal",
                "scale": {"domain": fields, "range": [one.colour for one in series]},
                "legend": {"labelExpr": f"{labels}[datum.label]", "columns": {"expr": "width < 420 ? 2 : 0"}},
            },
            "opacity": {"condition": {"param": "picked", "value": 1}, "value": 0.12},
            "fillOpacity": {"condition": {"test": "datum.part", "value": 0.4}, "value": 1},
            "order": {"field": "place"},
            **({"xOffset": {"field": "series", "sort": fields}} if chart.shape == "groups" else {}),
        },
    }


def _hover(chart: DailyChart) -> Spec:
    """Return an invisible bar over each day, so that the pointer need not hit a point."""
    figures = [
        {"field": one.field, "title": one.label, "type": "quantitative", "format": chart.hover} for one in chart.series
    ]
    return {
        "params": [
            {"name": "over", "select": {"type": "point", "on": "pointerover", "clear": "pointerout", "nearest": False}}
        ],
        "mark": {"type": "rect", "fill": "var(--ink)"},
        "encoding": {
            "opacity": {"condition": {"param": "over", "empty": False, "value": 0.06}, "value": 0},
            "tooltip": [{"field": "date", "title": "Day"}, *figures],
        },
    }


def _number(value: object) -> float | int | None:
    return None if value is None else value if isinstance(value, int) else float(str(value))
