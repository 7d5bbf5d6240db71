"""The list of a local Rebilly: its limit, its order and its filters."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from pipeline.sandbox.account import Export
from pipeline.sandbox.rebilly.bodies import moment

_MOST = 1000
_SORTS = ("createdTime", "updatedTime")

Keep = Callable[[Export], bool]


@dataclass(frozen=True)
class Query:
    """A request for the list."""

    limit: int
    offset: int
    sort: tuple[str, ...]
    filters: tuple[Keep, ...]

    def chosen(self, exports: Iterable[Export]) -> list[Export]:
        """Return the exports that the filters keep, sorted; without ``sort`` the order means nothing."""
        kept = [export for export in exports if all(keep(export) for keep in self.filters)]
        kept.sort(key=lambda export: export.id)
        for criterion in reversed(self.sort):
            if criterion.lstrip("-") in _SORTS:
                kept.sort(key=lambda export: export.created_at, reverse=criterion.startswith("-"))
        return kept


def read_query(parameters: Sequence[tuple[str, str]], now: datetime) -> Query:
    """Return the query of a request for the list; raise ``ValueError`` with the name of an invalid parameter."""
    given = {"limit": "100", "offset": "0", "sort": "", "filter": "", **dict(parameters)}
    limit, offset = (_number(name, given[name]) for name in ("limit", "offset"))
    clauses = [clause for clause in given["filter"].split(";") if clause]
    return Query(limit, offset, tuple(given["sort"].split(",")), tuple(_keep(clause, now) for clause in clauses))


def _number(name: str, text: str) -> int:
    if not text.isdecimal() or int(text) > _MOST:
        raise ValueError(name)
    return int(text)


def _keep(clause: str, now: datetime) -> Keep:
    """Return a filter by resource, or by a range of ``createdTime`` that includes both its ends.

    Other filters are not documented, so they are refused.
    """
    name, _, values = clause.partition(":")
    if name == "resource":
        return lambda export: export.resource in values.split(",")
    start, dots, end = values.partition("..")
    first, last = (moment(bound, now) for bound in (start or "1970-01-01", end or "9999-12-31"))
    if name != "createdTime" or not dots or first is None or last is None:
        raise ValueError("filter")
    return lambda export: first <= export.created_at <= last
