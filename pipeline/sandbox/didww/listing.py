"""The list of exports: filters, order, pages, links and sparse fields, and a 400 for anything else."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from pipeline.sandbox.didww.exports import Export
from pipeline.sandbox.didww.problems import not_allowed, problem
from pipeline.sandbox.didww.versions import Version
from pipeline.sandbox.didww.windows import read_moment

_PAGES = ("number", "size")
_DEFAULT_SIZE = 50
_LISTS = ("id", "status", "export_type")
_MOMENTS = ("created_at_gteq", "created_at_lteq")


@dataclass(frozen=True)
class Page:
    """The exports of a page, the number of all exports, and the links to other pages."""

    exports: Sequence[Export]
    total: int
    links: dict[str, str]


@dataclass(frozen=True)
class Query:
    """A valid request for the list; ``asked`` goes into the links as it came."""

    number: int
    size: int
    sort: tuple[str, ...]
    filters: Mapping[str, str]
    fields: tuple[str, ...]
    asked: Mapping[str, str]

    def page(self, exports: Sequence[Export], status: Callable[[Export], str], url: str) -> Page:
        """Return the page that was asked for.

        Args:
            exports: All exports, ordered by id.
            status: Returns the status of an export.
            url: The address of the list, for links.
        """
        chosen = [export for export in exports if self._wants(export, status(export))]
        for criterion in reversed(self.sort):
            chosen.sort(key=_order(criterion.lstrip("-"), status), reverse=criterion.startswith("-"))
        start = (self.number - 1) * self.size
        return Page(chosen[start : start + self.size], len(chosen), self._links(len(chosen), url))

    def _wants(self, export: Export, status: str) -> bool:
        values = {
            "id": export.id,
            "status": status,
            "export_type": export.export_type,
            "external_reference_id": export.external_reference_id,
        }
        wanted = {name: value.split(",") if name in _LISTS else [value] for name, value in self.filters.items()}
        if any(values[name] not in ones for name, ones in wanted.items() if name in values):
            return False
        after, before = (read_moment(self.filters.get(name)) for name in _MOMENTS)
        return (after is None or after <= export.created_at) and (before is None or export.created_at <= before)

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


def read_query(parameters: Sequence[tuple[str, str]], version: Version) -> Query:
    """Return the query of a request for the list; raise ``RefusalError`` 400 for an invalid parameter."""
    asked: dict[str, str] = {}
    filters: dict[str, str] = {}
    pages = {"number": 1, "size": _DEFAULT_SIZE}
    sort: tuple[str, ...] = ()
    fields = version.shown
    for name, value in parameters:
        asked[name] = value
        family, key = _split(name)
        if family == "filter":
            known = _known(key, version.list_filters, "Filter", "102")
            filters[known] = _filter_value(known, value)
        elif family == "page":
            pages[_known(key, _PAGES, "Page parameter", "105")] = _page_value(key, value, version.largest_page)
        elif name == "sort":
            sort = _sort(value, version.sorts)
        elif name == "fields[exports]":
            fields = _fields(value, version)
        else:
            raise not_allowed(name)
    return Query(pages["number"], pages["size"], sort, filters, fields, asked)


def read_fields(parameters: Sequence[tuple[str, str]], version: Version) -> tuple[str, ...]:
    """Return the fields that a request for one export wants; it takes no other parameter."""
    fields = version.shown
    for name, value in parameters:
        if name != "fields[exports]":
            raise not_allowed(name)
        fields = _fields(value, version)
    return fields


def _split(name: str) -> tuple[str, str]:
    family, bracket, rest = name.partition("[")
    return (family, rest.removesuffix("]")) if bracket and rest.endswith("]") else ("", "")


def _known(key: str, allowed: Sequence[str], what: str, code: str) -> str:
    if key not in allowed:
        raise not_allowed(key, what, code)
    return key


def _filter_value(key: str, value: str) -> str:
    if key in _MOMENTS and read_moment(value) is None:
        raise problem(400, "Invalid filter value", f"{value} is not a valid value for {key}.", "103")
    return value


def _page_value(key: str, value: str, largest: int) -> int:
    number = int(value) if value.isascii() and value.isdigit() else 0
    if number < 1:
        raise problem(400, "Invalid page value", f"{value} is not a valid value for {key} page parameter.", "118")
    if key == "size" and number > largest:
        detail = f"size exceeds maximum page size of {largest}."
        raise problem(400, "Invalid page value", detail, "118")
    return number


def _sort(value: str, sorts: Sequence[str]) -> tuple[str, ...]:
    criteria = tuple(value.split(",")) if value else ()
    for criterion in criteria:
        if criterion.removeprefix("-") not in sorts:
            detail = f"{criterion.removeprefix('-')} is not a valid sort criteria for exports"
            raise problem(400, "Invalid sort criteria", detail, "114")
    return criteria


def _fields(value: str, version: Version) -> tuple[str, ...]:
    names = tuple(value.split(",")) if value else ()
    for name in names:
        if name not in (*version.shown, "id"):
            raise problem(400, "Invalid field", f"{name} is not a valid field for exports.", "104")
    return names


def _order(criterion: str, status: Callable[[Export], str]) -> Callable[[Export], tuple[object, ...]]:
    def key(export: Export) -> tuple[object, ...]:
        if criterion == "created_at":
            return (export.created_at,)
        if criterion == "status":
            return (("pending", "processing", "completed").index(status(export)),)
        # As in PostgreSQL, a missing value is the largest.
        return (export.external_reference_id is None, export.external_reference_id or "")

    return key
