"""Show what looks like fraud or a fault. Callers are left out: the marts have them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from pipeline.report.parts import Column, Section, head_and_rest
from pipeline.report.published import Published, Row
from pipeline.report.wording import several, timestamp, usd
from pipeline.warehouse.questions import question

_LISTS = {
    "false answers": "watch_false_answers",
    "revenue share fraud": "watch_revenue_share_fraud",
    "scans": "watch_scans",
    "stuck calls": "watch_stuck_calls",
    "toll-free pumping": "watch_toll_free_pumping",
    "wangiri": "watch_wangiri",
}
"""The query of ``sql/report`` behind each watch list; all have the same columns, and none has a caller."""

_COLUMNS = (
    Column("list", "Watch list", str.capitalize, left=True),
    Column("cost_usd", "Cost, USD", usd, bar=True),
    Column("at", "When, UTC", timestamp),
    Column("place", "Where"),
    Column("why", "What was seen"),
)
_SHOWN = 25


def watch(published: Published) -> Section:
    """Return the findings of all watch lists, the most expensive first."""
    found = {name: published.rows(query) for name, query in _LISTS.items()}
    findings = [{"list": name, **row} for name, rows in found.items() for row in rows]
    findings.sort(key=lambda row: (-(row["cost_usd"] or 0), row["at"]))
    says = list(_says(published, found))
    return Section(
        "watch",
        "Watch lists",
        [*says, "Exports are hours old: these lists find, they do not block."],
        head_and_rest("Findings, the most expensive first", "Further findings", findings, _COLUMNS, _SHOWN),
        brief={"Watch lists": says[0]} if findings else {},
    )


def _says(published: Published, found: Mapping[str, Sequence[Row]]) -> Iterator[str]:
    """Say what was found, which lists are empty, and which tables are missing."""
    counts = Counter({name: len(rows) for name, rows in found.items()})
    if total := counts.total():
        named_counts = ", ".join(f"{name} {number}" for name, number in counts.most_common() if number)
        yield f"{several(total, 'finding')}: {named_counts}."
    tables = {name: min(question(f"report.{query}").reads) for name, query in _LISTS.items()}
    absent = {name: table for name, table in tables.items() if table not in published.relations}
    if clean := [name for name in found if not counts[name] and name not in absent]:
        yield f"Looked for and not found: {', '.join(clean)}."
    if absent:
        yield f"Not looked for, because the published file lacks them: {', '.join(absent.values())}."
