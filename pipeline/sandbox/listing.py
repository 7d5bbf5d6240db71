"""The list of exports: filters, order, pages, links and sparse fields, and a 400 for anything else."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from pipeline.sandbox.answers import not_allowed, problem
from pipeline.sandbox.exports import Export

FIELDS: tuple[str, ...] = (
    "status",
    "created_at",
    "url",
    "callback_url",
    "callback_method",
    "export_type",
    "external_reference_id",
    "filters",
)
_FILTERS = ("id", "external_reference_id")
_SORTS = ("created_at", "external_reference_id", "status")
_PAGES = ("number", "size")
_DEFAULT_SIZE = 50
_LARGEST_SIZE = 1000


@dataclass(frozen=True)
class Page:
    """One page's exports, how many there are in all, and the links that lead on."""

    exports: Sequence[Export]
    total: int
    links: dict[str, str]


@dataclass(frozen=True)
class Query:
    """A list request that the vendor accepts; ``asked`` goes into the links as it came."""

    number: int
    size: int
    sort: tuple[str, ...]
    filters: Mapping[str, str]
    fields: tuple[str, ...]
    asked: Mapping[str, str]

    def page(self, exports: Sequence[Export], status: Callable[[Export], str], url: str) -> Page:
        """The page of ``exports``, which come ordered by id, that was asked for."""
        chosen = [export for export in exports if self._wants(export)]
        for criterion in reversed(self.sort):
            chosen.sort(key=_order(criterion.lstrip("-"), status), reverse=criterion.startswith("-"))
        start = (self.number - 1) * self.size
        return Page(chosen[start : start + self.size], len(chosen), self._links(len(chosen), url))

    def _wants(self, export: Export) -> bool:
        if "id" in self.filters and export.id not in self.filters["id"].split(","):
            return False
        reference = self.filters.get("external_reference_id")
        return reference is None or export.external_reference_id == reference

    def _links(self, total: int, url: str) -> dict[str, str]:
        last = max(1, -(-total // self.size))
        numbers = {"first": 1, "last": last}
        if self.number > 1:
            numbers["prev"] = min(self.number - 1, last)
        if self.number < last:
            numbers["next"] = self.number + 1
        return {name: f"{url}?{self._page_query(number)}" for name, number in numbers.items()}

    def _page_query(self, number: int) -> str:
        asked = {**self.asked, "page[number]": str(number), "page[size]": str(self.size)}
        return urlencode(sorted(asked.items()))


def read_query(parameters: Sequence[tuple[str, str]]) -> Query:
    """Read the parameters of a list request; raises ``ApiError`` 400 for the first that is not allowed."""
    asked: dict[str, str] = {}
    filters: dict[str, str] = {}
    pages = {"number": 1, "size": _DEFAULT_SIZE}
    sort: tuple[str, ...] = ()
    fields = FIELDS
    for name, value in parameters:
        asked[name] = value
        family, key = _split(name)
        if family == "filter":
            filters[_known(key, _FILTERS, "Filter", "102")] = value
        elif family == "page":
            pages[_known(key, _PAGES, "Page parameter", "105")] = _page_value(key, value)
        elif name == "sort":
            sort = _sort(value)
        elif name == "fields[exports]":
            fields = _fields(value)
        else:
            raise not_allowed(name)
    return Query(pages["number"], pages["size"], sort, filters, fields, asked)


def read_fields(parameters: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """The fields that a request for one export wants; it takes no other parameter."""
    fields = FIELDS
    for name, value in parameters:
        if name != "fields[exports]":
            raise not_allowed(name)
        fields = _fields(value)
    return fields


def _split(name: str) -> tuple[str, str]:
    family, bracket, rest = name.partition("[")
    return (family, rest.removesuffix("]")) if bracket and rest.endswith("]") else ("", "")


def _known(key: str, allowed: Sequence[str], what: str, code: str) -> str:
    if key not in allowed:
        raise not_allowed(key, what, code)
    return key


def _page_value(key: str, value: str) -> int:
    number = int(value) if value.isascii() and value.isdigit() else 0
    if number < 1:
        raise problem(400, "Invalid page value", f"{value} is not a valid value for {key} page parameter.", "118")
    if key == "size" and number > _LARGEST_SIZE:
        detail = f"size exceeds maximum page size of {_LARGEST_SIZE}."
        raise problem(400, "Invalid page value", detail, "118")
    return number


def _sort(value: str) -> tuple[str, ...]:
    criteria = tuple(value.split(",")) if value else ()
    for criterion in criteria:
        if criterion.removeprefix("-") not in _SORTS:
            detail = f"{criterion.removeprefix('-')} is not a valid sort criteria for exports"
            raise problem(400, "Invalid sort criteria", detail, "114")
    return criteria


def _fields(value: str) -> tuple[str, ...]:
    names = tuple(value.split(",")) if value else ()
    for name in names:
        if name not in (*FIELDS, "id"):
            raise problem(400, "Invalid field", f"{name} is not a valid field for exports.", "104")
    return names


def _order(criterion: str, status: Callable[[Export], str]) -> Callable[[Export], tuple[object, ...]]:
    def key(export: Export) -> tuple[object, ...]:
        if criterion == "created_at":
            return (export.created_at,)
        if criterion == "status":
            return (("pending", "processing", "completed").index(status(export)),)
        # As in PostgreSQL, what has no value counts as the largest.
        return (export.external_reference_id is None, export.external_reference_id or "")

    return key
