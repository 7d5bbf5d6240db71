"""Draw small charts for the UI, as images inside Markdown.

Dagster's UI shows Markdown of less than a thousand characters in place, and hides longer text behind a click. So a
chart is a few paths in whole numbers. The UI takes an image only as base64.
"""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from pipeline.months import Month
from pipeline.warehouse.coverage import State
from pipeline.warehouse.preview import Days
from pipeline.warehouse.records import Coverage

_SERIES = ("blue", "orange")
_DAY, _HEIGHT = 14, 90
"""The width of a day and the height of the chart, pixels."""

_STATES = {
    State.SEALED: "green",
    State.SETTLING: "yellowgreen",
    State.OPEN: "royalblue",
    State.REQUESTED: "gold",
    State.MISSING: "red",
}
_CELL, _LABEL = 18, 60


def traffic(month: Month, series: Days) -> str:
    """Draw the counts of a month by day, a step line for each series, with a legend that tells its greatest day."""
    top = max((count for days in series.values() for count in days.values()), default=0)
    dates = [date(month.year, month.number, day) for day in range(1, (month.end - month.start).days + 1)]
    counts = [[days.get(day, 0) for day in dates] for days in series.values()]
    shapes = [draw(one, top) for draw, one in zip((_area, _line), counts, strict=False)]
    stretched = f'viewBox="0 0 {len(dates)} {_HEIGHT}" preserveAspectRatio="none" '
    image = _image(len(dates) * _DAY, _HEIGHT, shapes, "calls by day", stretched)
    return "\n\n".join([image, *map(_legend, series.items(), _SERIES)])


def coverage(rows: Iterable[Coverage]) -> str:
    """Draw a line for each record type with a cell for each month in the colour of its state, and a legend."""
    found = list(rows)
    types, months = sorted({row.record_type for row in found}), sorted({row.month for row in found})
    shapes = [_text(0, at * _CELL + 13, name) for at, name in enumerate(types)]
    for state, colour in _STATES.items():
        cells = "".join(
            f"M{_LABEL + months.index(row.month) * _CELL} {types.index(row.record_type) * _CELL}h16v16h-16z"
            for row in found
            if row.state == state.value
        )
        shapes += [f'<path fill="{colour}" d="{cells}"/>'] if cells else []
    image = _image(_LABEL + len(months) * _CELL, len(types) * _CELL, shapes, "coverage by month")
    legend = [
        f"{colour}: {state.value}" for state, colour in _STATES.items() if state.value in {r.state for r in found}
    ]
    return f"{image}\n\n{months[0]} to {months[-1]}; {', '.join(legend)}" if months else ""


def _area(counts: Sequence[int], top: int) -> str:
    return f'<path fill="#8bf" d="M0 {_HEIGHT}{_steps(counts, top)}V{_HEIGHT}z"/>'


def _line(counts: Sequence[int], top: int) -> str:
    line = 'stroke="#e70" stroke-width="2" vector-effect="non-scaling-stroke"'
    return f'<path fill="none" {line} d="M0 {_HEIGHT}{_steps(counts, top)}"/>'


def _steps(counts: Sequence[int], top: int) -> str:
    """Return the path of a step line whose days are one unit wide."""
    return "".join(f"V{_HEIGHT - round(count * (_HEIGHT - 1) / max(top, 1))}h1" for count in counts)


def _legend(named: tuple[str, Mapping[date, int]], colour: str) -> str:
    name, days = named
    if not days:
        return f"{colour}: {name}, none"
    most = max(days, key=lambda day: days[day])
    return f"{colour}: {name}, {sum(days.values()):,} in all, most on {most} ({days[most]:,})"


def _text(x: int, y: int, text: str) -> str:
    return f'<text x="{x}" y="{y}" font-size="13" font-family="sans-serif" fill="#888">{text}</text>'


def _image(width: int, height: int, shapes: Sequence[str], title: str, box: str = "") -> str:
    size = f'{box}width="{width}" height="{height}"'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{"".join(shapes)}</svg>'
    return f"![{title}](data:image/svg+xml;base64,{b64encode(svg.encode()).decode()})"
