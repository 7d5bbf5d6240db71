"""Export from Rebilly: data exports that carry our reference, a list that shows 2,000 at most, files at links.

Whether a date range includes its ``end`` is not documented. The end of the month is sent unchanged, because an earlier
one could lose rows. A row at that very time may come with two months, and is loaded with the month of its own time.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import requests

from pipeline.addresses import shown
from pipeline.dataset import Dataset
from pipeline.errors import PermanentError, TransientError
from pipeline.export import listing, responses
from pipeline.export.connection import Connection
from pipeline.export.http import Headers
from pipeline.export.protocol import Credentials, Export, Listing, Request, Status
from pipeline.export.rate_limiter import RateLimiter
from pipeline.export.response_policy import ResponsePolicy

URL = "https://api.rebilly.com/experimental/organizations/{organization}"
"""The form of ``REBILLY_API_URL``; ``…/organizations/{organization}/experimental`` is documented as well."""

_EXPORTS = "data-exports"
_PAGE = _LARGEST_OFFSET = 1000
_LONGEST_COUNT = 18  # digits
_A_SECOND = timedelta(seconds=1)
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
    """Rebilly's data exports, as an ``ExportVendor``; arguments are those of ``Connection``.

    A dataset's ``filters`` are the ``arguments`` of an export, its ``options`` other members.
    """

    name = "rebilly"
    reference_length = 50
    months_kept: int | None = None

    def __init__(self, credentials: Credentials, backoff: float = 1.0, limiter: RateLimiter | None = None) -> None:
        policy = ResponsePolicy(credentials.setting, _reason, reset_header="X-RateLimit-Retry-After")
        self._connection = Connection(credentials, self._auth_headers, policy=policy, backoff=backoff, limiter=limiter)

    def request(self, request: Request) -> Export:
        """POST the export, once; raise ``PermanentError`` for a format that cannot be read."""
        body = _body(request.dataset)
        if body["format"] not in _FORMATS:
            raise PermanentError(
                f"Export {request.dataset.name} asks for {body['format']}, and only {' and '.join(_FORMATS)} can be "
                "read; change its format."
            )
        window = {"start": _formatted(request.start), "end": _formatted(request.end), "field": request.dataset.window}
        body |= {"name": request.reference, "dateRange": window}
        return self._parse(responses.json_object(self._connection.post(_EXPORTS, body)))

    def exports(self) -> Listing:
        """Return the list, newest first."""
        return listing.whole(self._pages, shown(self._connection.url(_EXPORTS)))

    def holds(self, export: Export, dataset: Dataset) -> bool:
        """Return whether format, arguments, fields and the field of the window, where repeated, are the dataset's."""
        body, repeated = _body(dataset), export.filters
        window = responses.mapping(repeated.get("dateRange")).get("field") or dataset.window
        same = all(_comparable(body.get(name)) == _comparable(repeated[name]) for name in _ECHOED if name in repeated)
        return same and (export.resource, window) == (dataset.resource, dataset.window)

    def open(self, export: Export, offset: int = 0, etag: str = "") -> requests.Response:
        """Start to stream the file: from its lasting link with the key, or from a new signed link without it."""
        url, signed = export.url, export.url == _path(export.id)
        if signed:
            url = _links(responses.json_object(self._connection.get(_path(export.id)))).get("signedLink")
        if not url:
            raise TransientError(f"Export {export.id} has no file yet; try again later.")
        return self._connection.open(url, offset, etag, signed=signed)

    def skew(self) -> timedelta | None:
        """Return how far Rebilly's clock was ahead of ours at its last response, to the second."""
        return self._connection.skew

    def _auth_headers(self, key: str) -> Headers:
        if "{" in self._connection.base:
            raise PermanentError(
                f"The request was not sent, because its address has no organization; set REBILLY_API_URL to {URL}."
            )
        return {"REB-APIKEY": key}

    def _pages(self) -> Iterator[tuple[Iterable[Export], int]]:
        for items, total in self._connection.pages(_page(), _read):
            yield map(self._parse, items), total

    def _parse(self, item: Any) -> Export:
        item = responses.identified(item, "Rebilly")
        window = responses.mapping(item.get("dateRange"))
        vendor_status, why = responses.vendor_status(item.get("status")), item.get("failureReason")
        status = _STATUS.get(vendor_status.lower(), Status.UNKNOWN)
        return Export(
            id=str(item["id"]),
            resource=str(item.get("resource") or ""),
            status=status,
            created_at=responses.created_at(item.get("createdTime")),
            url=self._file_link(item),
            reference=str(item.get("name") or "") or None,
            start=responses.timestamp(window.get("start")),
            end=responses.timestamp(window.get("end")),
            filters={name: item[name] for name in (*_ECHOED, "dateRange") if name in item},
            records=responses.record_count(item.get("recordCount")) if status is Status.COMPLETED else None,
            vendor_status=f"{vendor_status}: {why}" if why else vendor_status,
        )

    def _file_link(self, item: Mapping[str, Any]) -> str | None:
        links = _links(item)
        download = links.get("download")
        if "signedLink" in links and not (download and self._connection.owns(download)):
            return _path(str(item["id"]))
        return download


def _read(response: requests.Response) -> tuple[tuple[list[Any], int], str | None]:
    """Return the items of a page with the total of the list, and the address of the next page."""
    items = responses.json_list(responses.json_value(response), response)
    total = response.headers.get("Pagination-Total", "")
    if not (total.isdecimal() and len(total) <= _LONGEST_COUNT):
        what = shown(str(response.url))
        raise TransientError(f"GET {what} does not say how many exports there are; try again later.")
    return (items, int(total)), _next(dict(parse_qsl(urlsplit(str(response.url)).query)), items, int(total))


def _next(query: Mapping[str, str], listed: list[Any], total: int) -> str | None:
    """Return the path of the next page; None at the end.

    Beyond the largest offset, the list is filtered by what was created before, and starts from the top.
    """
    offset = int(query["offset"]) + len(listed)
    if offset >= total or not listed:
        return None
    if offset <= _LARGEST_OFFSET:
        return _page(offset, query.get("filter", ""))
    # A second later, so that some come twice: whether a range includes its end is not documented.
    oldest = responses.created_at(responses.mapping(listed[-1]).get("createdTime"))
    older = f"createdTime:..{_formatted(oldest + _A_SECOND)}"
    return _page(0, older) if older != query.get("filter") else None


def _page(offset: int = 0, filter_: str = "") -> str:
    query = {"sort": "-createdTime", "limit": _PAGE, "offset": offset, **({"filter": filter_} if filter_ else {})}
    return f"{_EXPORTS}?{urlencode(query)}"


def _body(dataset: Dataset) -> dict[str, object]:
    """Return the body of a request without its name and window."""
    body = {"resource": dataset.resource, "format": "csv", **dataset.options, "fields": [*dataset.fields]}
    return {**body, "arguments": {**dataset.filters}} if dataset.filters else body


def _formatted(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _path(export_id: str) -> str:
    return f"{_EXPORTS}/{quote(export_id, safe='')}"


def _links(export: Mapping[str, Any]) -> dict[str, str]:
    """Return the addresses of an export by their ``rel``; the array has no order."""
    links = export.get("_links")
    found = [link for link in links if isinstance(link, Mapping)] if isinstance(links, list) else []
    return {str(link.get("rel")): str(link["href"]) for link in found if link.get("href")}


def _reason(problem: Any) -> str:
    """Return what an RFC 9457 problem says, with its fields, and by how much an export is too large."""
    fields = [f"{wrong['field']} {wrong['message']}" for wrong in problem.get("invalidFields") or []]
    most = problem.get("maxRecords")
    large = [f"{problem.get('matchedRecords')} records match and {most} are the most; narrow it"] if most else []
    return "; ".join([str(problem.get("detail") or problem["title"]).rstrip("."), *fields, *large])


def _comparable(value: object) -> object:
    """Return a value for comparison: missing equals empty, and the order of a list does not matter."""
    if isinstance(value, Mapping):
        return {name: _comparable(inner) for name, inner in value.items() if inner} or None
    parts = value if isinstance(value, list) else str(value or "").split(",")
    return sorted(str(part) for part in parts if part) or None
