"""Sections as one HTML file: script and style inside, every chart drawn already, nothing fetched when it is opened."""

import base64
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import vl_convert
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from pipeline.report.parts import Chart, Section
from pipeline.report.published import Published
from pipeline.report.wording import month, timestamp

_FOLDER = Path(__file__).parent


def render(published: Published, sections: Sequence[Section], print_of_it: str) -> str:
    """The whole page; ``print_of_it`` is what a later run compares to know whether anything changed."""
    charts = [chart for section in sections for chart in section.charts]
    script = _script()
    return _template().render(
        month=month(published.month),
        origin=f"From the warehouse as it was published on {timestamp(published.at)} UTC.",
        brief=[answer for section in sections for answer in section.brief.items()],
        sections=sections,
        drawings={chart.name: _drawn(chart) for chart in charts},
        figures={chart.name: chart.spec for chart in charts},
        style=(_FOLDER / "page.css").read_text("utf-8"),
        script=script,
        script_hash=_hash(script),
        print=print_of_it,
    )


def look() -> bytes:
    """What decides how a page looks, whatever it says."""
    return b"".join(file.read_bytes() for file in sorted(_FOLDER.glob("page.*")))


def _drawn(chart: Chart) -> str:
    """The chart as SVG, for where no script runs; the library escapes what it writes."""
    return vl_convert.vegalite_to_svg(json.dumps(chart.spec))


@cache
def _script() -> str:
    """Our few lines and the charting library in one, as a browser reads it."""
    script = vl_convert.javascript_bundle((_FOLDER / "page.js").read_text("utf-8"))
    return script.replace("</script", "<\\/script")  # which would end the element that it stands in


def _hash(script: str) -> str:
    """What the page's policy calls the only script that may run."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("page.html.j2")
