"""Write the report of a month, whole or not at all, and only if it would change."""

import glob
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from pipeline.errors import writing
from pipeline.months import Month
from pipeline.report.page import look, render
from pipeline.report.parts import Section
from pipeline.report.published import Published, month_of
from pipeline.report.sections import SECTIONS
from pipeline.storage import make_folder, write_text
from pipeline.warehouse.coverage import State

_FINGERPRINT = re.compile(r'<meta name="cdr-report" content="([0-9a-f]*)">')
_HEAD_BYTES = 2_000


def write(warehouse: Path, month: Month, target: Path, *, again: bool = False) -> bool:
    """Write the report; return False if the existing report says the same.

    Args:
        warehouse: The path of the published file.
        month: The month to report.
        target: The HTML file to write.
        again: Whether to write it in any case.

    Raises:
        PermanentError: Nothing of the month is loaded.
    """
    with month_of(warehouse, month) as published:
        sections = [section(published) for section in SECTIONS]
        fingerprint = _fingerprint(sections)
        if not again and _is_final(published) and _fingerprint_in(target) == fingerprint:
            return False
        page = render(published, sections, fingerprint)
    _replace(target, page)
    return True


def _is_final(published: Published) -> bool:
    """Return whether only the figures can change the report: the days left at the vendor count no more."""
    done = {State.SEALED.value, State.EXPIRED.value}
    return all(row.state in done or row.gone for row in published.covered)


def _fingerprint(sections: Iterable[Section]) -> str:
    """Hash what the report says and how it looks, without the calendar of all months, which ages every day."""
    content = [asdict(section) | {"brief": None} for section in sections if section.name != "coverage"]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode() + look()).hexdigest()


def _fingerprint_in(report: Path) -> str | None:
    if not report.exists():
        return None
    with report.open(encoding="utf-8") as file:
        found = _FINGERPRINT.search(file.read(_HEAD_BYTES))
    return found[1] if found else None


def _replace(target: Path, page: str) -> None:
    with writing("The report", target.parent):
        make_folder(target.parent)
        for left in target.parent.glob(f".{glob.escape(target.name)}.*"):  # of a killed process
            left.unlink(missing_ok=True)
        write_text(target, page)
