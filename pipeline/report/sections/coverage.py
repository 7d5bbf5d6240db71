"""Show what is kept of every month, what is missing, and what the vendor will soon delete."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby

from pipeline.months import Month
from pipeline.report.parts import Cell, Section, Table
from pipeline.report.published import Published
from pipeline.report.wording import month, several, timestamp
from pipeline.warehouse.coverage import State, at_risk
from pipeline.warehouse.records import Coverage

_MEANINGS = (
    "Missing: never requested. Requested: not loaded yet. Open: still running at its export. "
    "Settling: late records may still come. Sealed: two exports, 48 hours apart, agreed on every row, second and cent. "
    "Expired: its calls were deleted when the time set for it was over."
)
_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def coverage(published: Published) -> Section:
    """Return the calendar of all months, a row for each record type and year, and sentences about it."""
    endangered = list(_sentences([row for row in published.coverage if at_risk(row)], _danger))
    lacking = list(_sentences([row for row in published.coverage if row.rows is None and not at_risk(row)], _lack))
    safe = "No month is at risk of being lost at the vendor."
    return Section(
        "coverage",
        "What is kept, and what is at risk",
        [*(endangered or [safe]), *lacking, *map(_loaded, published.covered)],
        [_calendar(published)],
        brief=_brief(endangered, safe),
    )


def _brief(endangered: Sequence[str], safe: str) -> Mapping[str, str]:
    return {"At risk": " ".join(endangered) or safe}


def _sentences(rows: Sequence[Coverage], what: Callable[[Coverage], str]) -> Iterator[str]:
    """Yield a sentence for each month and problem, with its record types together."""
    for (key, matter), same in groupby(rows, lambda row: (row.month, what(row))):
        kinds = " and ".join(row.record_type for row in same)
        yield f"{kinds} of {month(Month.parse(key))}: {matter}"


def _danger(row: Coverage) -> str:
    forgets = f"the vendor forgets it in {several(row.days_left or 0, 'day')}"
    if row.state == State.MISSING.value:
        return f"never requested, and {forgets}; run `cdr backfill --from {row.month} --to {row.month}`."
    if row.rows is None:
        return f"requested but not loaded, and {forgets}."
    return f"kept but not sealed, and {forgets}; records that it writes until then would be lost."


def _lack(row: Coverage) -> str:
    if row.state == State.EXPIRED.value:
        return "expired: its calls were deleted, as the settings say."
    if row.gone:
        return "not kept, and the vendor has deleted it."
    progress = "never requested" if row.state == State.MISSING.value else "requested but not loaded"
    still = "" if row.days_left is None else f" for {several(row.days_left, 'day')}"
    return f"{progress}; the vendor still has it{still}."


def _loaded(row: Coverage) -> str:
    until = f", with calls until {timestamp(row.loaded_until)} UTC" if row.state == State.OPEN.value else ""
    if row.state == State.EXPIRED.value:
        return f"{row.record_type} of this month is expired: its calls were deleted, and what adds them up remains."
    if row.rows is None:
        return f"{row.record_type} of this month is not loaded, so its calls are in no figure here."
    return f"{row.record_type} of this month is {row.state}: {several(row.rows, 'row')}{until}."


def _calendar(published: Published) -> Table:
    months = {(row.record_type, row.month): row for row in published.coverage}
    years = sorted({key[:4] for _, key in months}, reverse=True)
    kinds = sorted({kind for kind, _ in months})
    rows = [
        [Cell(f"{kind} {year}"), *(_state(months.get((kind, f"{year}-{number:02d}"))) for number in range(1, 13))]
        for year in years
        for kind in kinds
    ]
    heads = [Cell(""), *(Cell(name) for name in _NAMES)]
    return Table(f"State of each month, and days left at the vendor. {_MEANINGS}", heads, rows, kind="calendar")


def _state(row: Coverage | None) -> Cell:
    if row is None:
        return Cell("")
    left = "gone" if row.gone else "" if row.days_left is None else f"{row.days_left} d left"
    return Cell(row.state, note=left, tone=f"state-{row.state} {'risk' if at_risk(row) else ''}")
