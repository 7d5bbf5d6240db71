"""Write the report of a month, whole or not at all, and only where it would say anything new."""

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

_PRINT = re.compile(r'<meta name="cdr-report" content="([0-9a-f]*)">')
_HEAD_BYTES = 2_000


def write(warehouse: Path, month: Month, target: Path, *, again: bool = False) -> bool:
    """Write the report; False where the one that is there says the same. ``again`` writes it in any case.

    Raises ``PermanentError`` where nothing of the month is loaded.
    """
    with month_of(warehouse, month) as published:
        sections = [section(published) for section in SECTIONS]
        made_of = _print(sections)
        if not again and _settled(published) and _print_in(target) == made_of:
            return False
        page = render(published, sections, made_of)
    _replace(target, page)
    return True


def _settled(published: Published) -> bool:
    """Whether nothing but its own figures can change the month's report: its days at the vendor do not count."""
    done = {State.SEALED.value, State.EXPIRED.value}
    return all(row.state in done or row.gone for row in published.covered)


def _print(sections: Iterable[Section]) -> str:
    """What the month's own figures say, and how; the calendar is that of all months, and older every day."""
    said = [asdict(section) | {"brief": None} for section in sections if section.name != "coverage"]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode() + look()).hexdigest()


def _print_in(report: Path) -> str | None:
    if not report.exists():
        return None
    with report.open(encoding="utf-8") as file:
        found = _PRINT.search(file.read(_HEAD_BYTES))
    return found[1] if found else None


def _replace(target: Path, page: str) -> None:
    with writing("The report", target.parent):
        make_folder(target.parent)
        for left in target.parent.glob(f".{glob.escape(target.name)}.*"):  # of a process that was killed
            left.unlink(missing_ok=True)
        write_text(target, page)
