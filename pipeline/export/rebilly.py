"""How to ask Rebilly: data exports that carry a name of ours, a list that reaches 2,000 deep, files behind links.

Whether the ``end`` of a date range lies in it is not documented. The month's own end is asked for, because a moment
earlier could lose rows: a row at that very instant may then come with two months, and is loaded with the one that its
own time says.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import requests

from pipeline.addresses import shown
from pipeline.dataset import Dataset
from pipeline.errors import PermanentError, TransientError
from pipeline.export import answers, listing
from pipeline.export.connection import Connection
from pipeline.export.http import Headers
from pipeline.export.protocol import Credentials, Export, Listing, Request, Status
from pipeline.export.rate_limiter import RateLimiter
from pipeline.export.response_policy import ResponsePolicy

URL = "https://api.rebilly.com/experimental/organizations/{organization}"
"""What ``REBILLY_API_URL`` looks like; ``…/organizations/{organization}/experimental`` is documented as well."""

_EXPORTS = "data-exports"
_PAGE = _LARGEST_OFFSET = 1000
_LONGEST_COUNT = 18  # digits
_A_SECOND = timedelta(seconds=1)
_NEVER = datetime.min.replace(tzinfo=UTC)
_STATUS = {
    "pending": Status.PENDING,
    "queued": Status.PENDING,
    "processing": Status.PROCESSING,
    "completed": Status.COMPLETED,
    "failed": Status.FAILED,
}
_FORMATS = ("csv", "detailed-csv")
_ECHOED = ("format", "arguments", "fields", "recurring")


class Vendor:
    """Rebilly's data exports: ``filters`` of a dataset are its ``arguments``, ``options`` are others of its members."""

    name = "rebilly"
    reference_length = 50
    months_kept: int | None = None

    def __init__(self, credentials: Credentials, backoff: float = 1.0, limiter: RateLimiter | None = None) -> None:
        policy = ResponsePolicy(credentials.setting, _reason, reset_header="X-RateLimit-Retry-After")
        self._connection = Connection(credentials, self._auth_headers, policy=policy, backoff=backoff, limiter=limiter)

    def ask(self, request: Request) -> Export:
        """POST the export, once; raises ``PermanentError`` for a format that is not read here."""
        asked = _asked(request.dataset)
        if asked["format"] not in _FORMATS:
            raise PermanentError(
                f"Export {request.dataset.name} asks for {asked['format']}, and only {' and '.join(_FORMATS)} can be "
                "read; change its format."
            )
        window = {"start": _written(request.start), "end": _written(request.end), "field": request.dataset.window}
        body = {**asked, "name": request.reference, "dateRange": window}
        return self._parse(answers.document(self._connection.post(_EXPORTS, body)))

    def exports(self) -> Listing:
        """The list, newest first."""
        return listing.whole(self._pages, shown(self._connection.url(_EXPORTS)))

    def holds(self, export: Export, dataset: Dataset) -> bool:
        """Whether format, arguments, fields and the window's field, where they are repeated, are the dataset's."""
        asked, said = _asked(dataset), export.filters
        window = answers.mapping(said.get("dateRange")).get("field") or dataset.window
        same = all(_plain(asked.get(name)) == _plain(said[name]) for name in _ECHOED if name in said)
        return same and (export.resource, window) == (dataset.resource, dataset.window)

    def open(self, export: Export, offset: int = 0, etag: str = "") -> requests.Response:
        """Stream the file: by its lasting link with the key, else by one that is signed anew each time, without."""
        url, signed = export.url, export.url == _place(export.id)
        if signed:
            url = _links(answers.document(self._connection.get(_place(export.id)))).get("signedLink")
        if not url:
            raise TransientError(f"Export {export.id} has no file yet; try again later.")
        return self._connection.open(url, offset, etag, signed=signed)

    def skew(self) -> timedelta | None:
        """By how much Rebilly's clock was ahead of ours at its last answer, to the second."""
        return self._connection.skew

    def _auth_headers(self, key: str) -> Headers:
        if "{" in self._connection.base:
            raise PermanentError(f"Rebilly cannot be asked without an organization; set REBILLY_API_URL to {URL}.")
        return {"REB-APIKEY": key}

    def _pages(self) -> Iterator[tuple[Iterable[Export], int]]:
        for items, total in self._connection.pages(_page(), _read):
            yield map(self._parse, items), total

    def _parse(self, item: Any) -> Export:
        """Read one export: a foreign or older one may lack anything but its id, and must not hide the others."""
        if not isinstance(item, Mapping) or not item.get("id"):
            raise TransientError("Rebilly answered with something that is not an export; try again later.")
        window = answers.mapping(item.get("dateRange"))
        said, why = answers.said(item.get("status")), item.get("failureReason")
        status = _STATUS.get(said.lower(), Status.UNKNOWN)
        return Export(
            id=str(item["id"]),
            resource=str(item.get("resource") or ""),
            status=status,
            created_at=answers.instant(item.get("createdTime")) or _NEVER,
            url=self._pointer(item),
            reference=str(item.get("name") or "") or None,
            start=answers.instant(window.get("start")),
            end=answers.instant(window.get("end")),
            filters={name: item[name] for name in (*_ECHOED, "dateRange") if name in item},
            records=answers.count(item.get("recordCount")) if status is Status.COMPLETED else None,
            said=f"{said}: {why}" if why else said,
        )

    def _pointer(self, item: Mapping[str, Any]) -> str | None:
        links = _links(item)
        download = links.get("download")
        if "signedLink" in links and not (download and self._connection.owns(download)):
            return _place(str(item["id"]))
        return download


def _read(response: requests.Response) -> tuple[tuple[list[Any], int], str | None]:
    """What is on a page and how much the whole list has, and where that goes on."""
    items, total = answers.content(response), response.headers.get("Pagination-Total", "")
    what = f"GET {shown(str(response.url))}"
    if not isinstance(items, list):
        raise TransientError(f"{what} was answered without a list; try again later.")
    if not (total.isdecimal() and len(total) <= _LONGEST_COUNT):
        raise TransientError(f"{what} does not say how many exports there are; try again later.")
    return (items, int(total)), _next(dict(parse_qsl(urlsplit(str(response.url)).query)), items, int(total))


def _next(asked: Mapping[str, str], listed: list[Any], total: int) -> str | None:
    """Where the list goes on: further down, and beyond its reach with what was created before; None where it ends."""
    offset = int(asked["offset"]) + len(listed)
    if offset >= total or not listed:
        return None
    if offset <= _LARGEST_OFFSET:
        return _page(offset, asked.get("filter", ""))
    # A second later, so that some are read twice: whether the end lies in the range is not documented.
    oldest = answers.instant(answers.mapping(listed[-1]).get("createdTime")) or _NEVER
    narrowed = f"createdTime:..{_written(oldest + _A_SECOND)}"
    return _page(0, narrowed) if narrowed != asked.get("filter") else None


def _page(offset: int = 0, narrowed: str = "") -> str:
    query = {"sort": "-createdTime", "limit": _PAGE, "offset": offset, **({"filter": narrowed} if narrowed else {})}
    return f"{_EXPORTS}?{urlencode(query)}"


def _asked(dataset: Dataset) -> dict[str, object]:
    """What the request for an export says of its dataset."""
    said = {"resource": dataset.resource, "format": "csv", **dataset.options, "fields": [*dataset.fields]}
    return {**said, "arguments": {**dataset.filters}} if dataset.filters else said


def _written(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _place(export_id: str) -> str:
    return f"{_EXPORTS}/{quote(export_id, safe='')}"


def _links(export: Mapping[str, Any]) -> dict[str, str]:
    """The addresses of an export by their ``rel``: they stand in an array, in no order."""
    links = export.get("_links")
    found = [link for link in links if isinstance(link, Mapping)] if isinstance(links, list) else []
    return {str(link.get("rel")): str(link["href"]) for link in found if link.get("href")}


def _reason(problem: Any) -> str:
    """What an RFC 9457 problem says, field by field where it does, and by how much an export is too large."""
    fields = [f"{wrong['field']} {wrong['message']}" for wrong in problem.get("invalidFields") or []]
    most = problem.get("maxRecords")
    large = [f"{problem.get('matchedRecords')} records match and {most} are the most; narrow it"] if most else []
    return "; ".join([str(problem.get("detail") or problem["title"]).rstrip("."), *fields, *large])


def _plain(value: object) -> object:
    """A value as it compares whatever way it is repeated: nothing is as good as empty, an order as none."""
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items() if inner} or None
    parts = value if isinstance(value, list) else str(value or "").split(",")
    return sorted(str(part) for part in parts if part) or None
