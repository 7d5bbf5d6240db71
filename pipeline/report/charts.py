"""Chart a month by day in Vega-Lite's grammar; colours come from the style sheet, for light, dark and print."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

from pipeline.report.parts import Spec
from pipeline.report.published import Published, Row
from pipeline.report.wording import day as day_text

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"

Shape = Literal["lines", "stacks", "groups"]

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
class Scale:
    """The formats (d3) of figures on the vertical axis and in the hover text."""

    axis: str = ",.0f"
    hover: str = ",.0f"


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


def by_day_title(published: Published, title: str, shape: Shape) -> str:
    """Return the title of a chart by day; for a running month it says how unfinished days are drawn.

    Args:
        published: The month.
        title: What the chart shows.
        shape: How the chart is drawn.
    """
    part = "left out" if shape == "lines" else "pale"
    return f"{title} (UTC)" + (f"; {part}: days that are not over" if published.running else "")


def day_name(published: Published, day: date) -> str:
    """Return the day as text, marked if it was not over at its export."""
    return day_text(day) if published.whole(day) else f"{day_text(day)}, not over"


def days_of(published: Published, rows: Sequence[Row], series: Sequence[Series]) -> list[dict[str, Any]]:
    """Return a row for each day of the month, also for days without a figure.

    Args:
        published: The month.
        rows: Rows with a ``day`` and the fields of the series.
        series: The fields to take.
    """
    found = {row["day"]: row for row in rows}
    month = published.month
    length = (month.end - month.start).days
    days = [(month.start + timedelta(days=number)).date() for number in range(length)]
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


def by_day(
    published: Published,
    rows: Sequence[Row],
    series: Sequence[Series],
    scale: Scale,
    shape: Shape,
    *,
    wide: bool = True,
) -> Spec:
    """Return a chart with a figure for each day and series.

    Weekends are shaded, a day shows its figures on hover, and a click on the legend picks a series.

    Args:
        published: The month.
        rows: Rows with a ``day`` and the fields of the series.
        series: What to draw, in order.
        scale: How figures are written.
        shape: Whether figures are lines, stacked bars or grouped bars.
        wide: Whether the chart is as wide as the page.
    """
    days = days_of(published, rows, series)
    return {
        "$schema": SCHEMA,
        "width": 900 if wide else 420,
        "height": 200 if wide else 160,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "data": {"values": days},
        "encoding": {"x": _day_axis(len(days))},
        "layer": [_weekends(), _marks(series, scale, shape), _hover(series, scale)],
        "config": _CONFIG,
    }


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


def _marks(series: Sequence[Series], scale: Scale, shape: Shape) -> Spec:
    fields = [one.field for one in series]
    labels = json.dumps({one.field: one.label for one in series})
    return {
        "transform": [
            {"fold": fields, "as": ["series", "figure"]},
            {"calculate": f"indexof({json.dumps(fields)}, datum.series)", "as": "place"},
            *([{"filter": "!datum.part"}] if shape == "lines" else []),
        ],
        "params": [{"name": "picked", "select": {"type": "point", "fields": ["series"]}, "bind": "legend"}],
        "mark": {"type": "line", "strokeWidth": 2, "point": {"size": 22}} if shape == "lines" else {"type": "bar"},
        "encoding": {
            "y": {
                "field": "figure",
                "type": "quantitative",
                "scale": {"zero": shape != "lines"},
                "axis": {"title": None, "format": scale.axis, "tickCount": 4},
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
            **({"xOffset": {"field": "series", "sort": fields}} if shape == "groups" else {}),
        },
    }


def _hover(series: Sequence[Series], scale: Scale) -> Spec:
    """Return an invisible bar over each day, so that the pointer need not hit a point."""
    figures = [
        {"field": one.field, "title": one.label, "type": "quantitative", "format": scale.hover} for one in series
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
