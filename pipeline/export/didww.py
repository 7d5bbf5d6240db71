"""Export from DIDWW: JSON:API, a list of exports, files on the API's host.

The version that DIDWW serves decides how a request is written, not the version that was asked for: a header can only
upgrade, and an account may be upgraded at any moment. So each response has the version of the next request.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

import requests

from pipeline.addresses import shown
from pipeline.dataset import Dataset
from pipeline.errors import PermanentError, TransientError
from pipeline.export import listing, responses
from pipeline.export.didww_auth import Authenticator, AuthSession, Tokens
from pipeline.export.didww_dialects import WINDOW, dialect_of
from pipeline.export.http_errors import UnauthorizedError
from pipeline.export.protocol import Credentials, Export, Listing, Request, Status
from pipeline.export.rate_limiter import RateLimiter
from pipeline.export.response_policy import ResponsePolicy

URL = "https://api.didww.com/v3"

MEDIA_TYPE = "application/vnd.api+json"
"""Sent without parameters: with a charset DIDWW answers 415."""

_PAGE_SIZE = 100
_NUMBER = "page[number]"
_STATUS = {status.value: status for status in (Status.PENDING, Status.PROCESSING, Status.COMPLETED)}


class Vendor:
    """DIDWW's exports, in any version that it serves; arguments are those of ``Connection``."""

    name = "didww"
    months_kept: int | None = 3

    def __init__(self, credentials: Credentials, backoff: float = 1.0, limiter: RateLimiter | None = None) -> None:
        authenticator = Authenticator(credentials, Tokens(credentials, backoff, limiter))
        policy = ResponsePolicy(key_setting=credentials.setting)
        self._connection = AuthSession(
            credentials, authenticator, headers={"Accept": MEDIA_TYPE}, policy=policy, backoff=backoff, limiter=limiter
        )
        self._callback_url = credentials.callback_url
        self._dialect = dialect_of(credentials.version)
        self.reference_length = self._dialect.reference_length
        """That of the version that served the last response."""

    def request(self, request: Request) -> Export:
        """POST the export; once more where it was refused because another version is served by now."""
        used = self._dialect
        try:
            return self._create(request)
        except UnauthorizedError:
            raise
        except PermanentError:  # so nothing was created
            self._served(self._connection.get(_page(1, size=1)))
            if self._dialect is used:
                raise
        return self._create(request)

    def _create(self, request: Request) -> Export:
        dialect, resource = self._dialect, request.dataset.resource
        if resource not in dialect.resources:
            raise PermanentError(
                f"DIDWW has no exports of {resource} in version {dialect.since} of its API; "
                "set DIDWW_API_VERSION to one that has."
            )
        attributes = dialect.attributes(request) | dialect.callback(self._callback_url)
        body = {"data": {"type": "exports", "attributes": attributes}}
        created = self._served(self._connection.post("exports", body, {"Content-Type": MEDIA_TYPE}))
        return _parse(created.get("data"), _version(created))

    def exports(self) -> Listing:
        """Return the list, newest first."""
        return listing.whole(self._pages, shown(self._connection.url("exports")))

    def _pages(self) -> Iterator[tuple[Iterable[Export], int]]:
        return self._connection.pages(_page(1), _PageReader(self._served))

    def _served(self, response: requests.Response) -> dict[str, Any]:
        """Return the JSON, and use the dialect of its version from now on."""
        body = responses.json_object(response)
        if version := _version(body):
            self._dialect = dialect_of(version)
            self.reference_length = self._dialect.reference_length
        return body

    def holds(self, export: Export, dataset: Dataset) -> bool:
        """Return whether type and filters are the dataset's; some versions repeat no filters."""
        same = not export.filters or _comparable(export.filters) == _comparable(dataset.filters)
        return export.resource == dataset.resource and same

    def open(self, export: Export, offset: int = 0, etag: str = "") -> requests.Response:
        """Start to stream the file."""
        if export.url is None:
            raise TransientError(f"Export {export.id} has no file yet; try again later.")
        return self._connection.open(export.url, offset, etag)

    def skew(self) -> timedelta | None:
        """Return how far DIDWW's clock was ahead of ours at its last response, to the second."""
        return self._connection.skew


class _PageReader:
    """Reads a page and finds the next one: by its link, or by number until all exports came or a page repeats."""

    def __init__(self, served: Callable[[requests.Response], Mapping[str, Any]]) -> None:
        self._served = served
        self._linked = False
        self._last: list[Any] = []
        self._number = self._rows = 0

    def __call__(self, response: requests.Response) -> tuple[tuple[list[Export], int], str | None]:
        """Return the exports of the page with the total of the list, and the address of the next page."""
        page = self._served(response)
        items, total = responses.json_list(page.get("data"), response), responses.total_records(page)
        self._number += 1
        self._rows += len(items)
        following = self._next(page, items, total)
        self._last = items
        return ([_parse(item, _version(page)) for item in items], total), following

    def _next(self, page: Mapping[str, Any], items: list[Any], total: int) -> str | None:
        self._linked = self._linked or page.get("links") is not None
        link = responses.mapping(page.get("links")).get("next")
        if link:
            return _linked_page(self._number + 1, str(link))
        if items in ([], self._last) or (total and self._rows >= total) or (self._linked and not total):
            return None
        return _page(self._number + 1)


def _page(number: int, size: int = _PAGE_SIZE) -> str:
    return f"exports?{urlencode(_query(number, size))}"


def _query(number: int, size: int = _PAGE_SIZE) -> dict[str, object]:
    return {"sort": "-created_at", _NUMBER: number, "page[size]": size}


def _linked_page(number: int, link: str) -> str:
    """Return the path of the page that a link leads to, with our own order.

    A link may leave out what we asked for, such as the order, and may name another host.
    """
    theirs, ours = dict(parse_qsl(link.partition("?")[2].partition("#")[0])), _query(number)
    if theirs.keys() - ours.keys():  # a page that is named by something else than its number
        del ours[_NUMBER]
    return f"exports?{urlencode({**ours, **theirs, 'sort': ours['sort']})}"


def _version(body: Mapping[str, Any]) -> str:
    return _text(responses.mapping(body.get("meta")).get("api_version")) or ""


def _parse(item: Any, version: str) -> Export:
    """Return the export of a resource; one of others may lack anything but its id, and must not hide ours."""
    if not isinstance(item, Mapping) or "id" not in item:
        raise TransientError("DIDWW answered with something that is not an export; try again later.")
    attributes = responses.mapping(item.get("attributes"))
    filters = responses.mapping(attributes.get("filters"))
    vendor_status = responses.vendor_status(attributes.get("status"))
    return Export(
        id=str(item["id"]),
        resource=str(attributes.get("export_type", "")),
        status=_STATUS.get(vendor_status.lower(), Status.UNKNOWN),
        created_at=responses.created_at(attributes.get("created_at")),
        url=_text(attributes.get("url")),
        reference=_text(attributes.get("external_reference_id")),
        start=responses.timestamp(filters.get("from")),
        end=responses.timestamp(filters.get("to")),
        filters=filters,
        api_version=version,
        vendor_status=vendor_status,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _comparable(filters: Mapping[str, object]) -> dict[str, list[str]]:
    """Return the filters without the window as sorted texts; the vendor may repeat a number as text or in a list."""
    given = {name: value for name, value in filters.items() if name not in WINDOW and value not in ("", None, [])}
    return {name: sorted(map(str, value if isinstance(value, list) else [value])) for name, value in given.items()}
