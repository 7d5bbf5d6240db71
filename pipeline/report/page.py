"""Render sections as one HTML file with script, style and drawn charts inside, which fetches nothing."""

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


def render(published: Published, sections: Sequence[Section], fingerprint: str) -> str:
    """Return the whole page.

    Args:
        published: The month.
        sections: What the page says.
        fingerprint: What the page is made of; a later run compares it to see whether anything changed.
    """
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
        fingerprint=fingerprint,
    )


def look() -> bytes:
    """Return the files that decide how a page looks."""
    return b"".join(file.read_bytes() for file in sorted(_FOLDER.glob("page.*")))


def _drawn(chart: Chart) -> str:
    """Return the chart as SVG, for a reader without scripts; the library escapes what it writes."""
    return vl_convert.vegalite_to_svg(json.dumps(chart.spec))


@cache
def _script() -> str:
    """Bundle our few lines with the charting library, as a browser reads it."""
    script = vl_convert.javascript_bundle((_FOLDER / "page.js").read_text("utf-8"))
    return script.replace("</script", "<\\/script")  # "</script" would end the element of the script


def _hash(script: str) -> str:
    """Return the hash by which the page's policy allows the script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("page.html.j2")
