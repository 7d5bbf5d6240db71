"""What looks like fraud or a fault. Callers are left out: who needs them asks the marts."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.report.parts import Column, Section, head_and_rest
from pipeline.report.published import Published, Row
from pipeline.report.wording import instant, several, usd


@dataclass(frozen=True)
class WatchList:
    """A table of findings, and which of its columns say when, where and for how much; none of them holds a caller."""

    name: str
    table: str
    at: str
    place: str
    cost: str

    @property
    def query(self) -> str:
        """Its findings of the month, in the columns that all lists share."""
        return f"""
            SELECT '{self.name}' AS list, {self.at} AS at, {self.place} AS place, why, {self.cost} AS cost_usd
            FROM {self.table} WHERE month = $month
        """  # noqa: S608


_LISTS = (
    WatchList(
        "false answers",
        "marts.watch_false_answer",
        "CAST(day AS TIMESTAMP)",
        "concat_ws(', ', destination_country, network)",
        "suspect_usd",
    ),
    WatchList(
        "revenue share fraud",
        "trends.watch_irsf",
        "first_call_at",
        "concat_ws(' to ', trunk_name, destination_country)",
        "cost_usd",
    ),
    WatchList("scans", "marts.watch_scans", "first_call_at", "concat(direction, 'bound')", "cost_usd"),
    WatchList("stuck calls", "marts.watch_stuck_calls", "started_at", "trunk_name", "cost_usd"),
    WatchList("toll-free pumping", "trends.watch_toll_free_pumping", "first_call_at", "did_number", "toll_free_usd"),
    WatchList("wangiri", "marts.watch_wangiri", "first_call_at", "concat(dids, ' DIDs')", "calls_back_usd"),
)

_COLUMNS = (
    Column("list", "Watch list", str.capitalize, left=True),
    Column("cost_usd", "Cost, USD", usd, bar=True),
    Column("at", "When, UTC", instant),
    Column("place", "Where"),
    Column("why", "What was seen"),
)
_SHOWN = 25


def watch(published: Published) -> Section:
    """The findings of all lists, the most expensive first."""
    lists = [one for one in _LISTS if one.table in published.relations]
    found = [row for one in lists for row in published.rows(one.query)]
    found.sort(key=lambda row: (-(row["cost_usd"] or 0), row["at"]))
    return Section(
        "watch",
        "Watch lists",
        [*_said(lists, found), "Exports are hours old: these lists find, they do not block."],
        head_and_rest("Findings, the most expensive first", "Further findings", found, _COLUMNS, _SHOWN),
        brief={"Watch lists": next(_said(lists, found))} if found else {},
    )


def _said(lists: Sequence[WatchList], found: Sequence[Row]) -> Iterator[str]:
    """What was found, and on which lists nothing stands."""
    counts = Counter(row["list"] for row in found)
    if found:
        named = ", ".join(f"{name} {number}" for name, number in counts.most_common())
        yield f"{several(len(found), 'finding')}: {named}."
    if clean := [one.name for one in lists if not counts[one.name]]:
        yield f"Looked for and not found: {', '.join(clean)}."
    if absent := [one.table for one in _LISTS if one not in lists]:
        yield f"Not looked for, because the published file lacks them: {', '.join(absent)}."
