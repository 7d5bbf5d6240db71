"""The local Rebilly's list: how far it reaches, what it is sorted by, and what it can be filtered by."""

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
    """What a request for the list asks for."""

    limit: int
    offset: int
    sort: tuple[str, ...]
    filters: tuple[Keep, ...]

    def chosen(self, exports: Iterable[Export]) -> list[Export]:
        """Every export that the filters keep, sorted; without ``sort`` in no order that means anything."""
        kept = [export for export in exports if all(keep(export) for keep in self.filters)]
        kept.sort(key=lambda export: export.id)
        for criterion in reversed(self.sort):
            if criterion.lstrip("-") in _SORTS:
                kept.sort(key=lambda export: export.created_at, reverse=criterion.startswith("-"))
        return kept


def read_query(parameters: Sequence[tuple[str, str]], now: datetime) -> Query:
    """Read the parameters of the list; raises ``ValueError`` with the name of one that the vendor refuses."""
    said = {"limit": "100", "offset": "0", "sort": "", "filter": "", **dict(parameters)}
    limit, offset = (_number(name, said[name]) for name in ("limit", "offset"))
    clauses = [clause for clause in said["filter"].split(";") if clause]
    return Query(limit, offset, tuple(said["sort"].split(",")), tuple(_keep(clause, now) for clause in clauses))


def _number(name: str, text: str) -> int:
    if not text.isdecimal() or int(text) > _MOST:
        raise ValueError(name)
    return int(text)


def _keep(clause: str, now: datetime) -> Keep:
    """A filter by resource, or by a range of ``createdTime`` that has both its ends in it.

    Which other fields the vendor can filter by is not said, so there are none here.
    """
    name, _, values = clause.partition(":")
    if name == "resource":
        return lambda export: export.resource in values.split(",")
    start, dots, end = values.partition("..")
    first, last = (moment(bound, now) for bound in (start or "1970-01-01", end or "9999-12-31"))
    if name != "createdTime" or not dots or first is None or last is None:
        raise ValueError("filter")
    return lambda export: first <= export.created_at <= last
