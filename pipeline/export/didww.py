"""How to ask DIDWW: JSON:API, an export's life in its list, files behind the API's host.

The version that is served decides how, not the one asked for: a header can only upgrade, and an account may be upgraded
at any moment. So every answer is asked which version it is of, and the next request is written for that.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

import requests

from pipeline.addresses import shown
from pipeline.dataset import Dataset
from pipeline.errors import PermanentError, TransientError
from pipeline.export import answers, listing
from pipeline.export.didww_auth import Authenticator, AuthSession, Tokens
from pipeline.export.didww_dialects import WINDOW, dialect_of
from pipeline.export.protocol import Credentials, Export, Listing, Request, Status
from pipeline.export.rate_limiter import RateLimiter
from pipeline.export.refusals import UnauthorizedError
from pipeline.export.response_policy import ResponsePolicy

URL = "https://api.didww.com/v3"

MEDIA_TYPE = "application/vnd.api+json"
"""Sent without parameters: with a charset DIDWW answers 415."""

_PAGE_SIZE = 100
_NUMBER = "page[number]"
_STATUS = {status.value: status for status in (Status.PENDING, Status.PROCESSING, Status.COMPLETED)}


class Vendor:
    """DIDWW's exports, in whatever version it serves."""

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
        """Of the version that served the last answer."""

    def ask(self, request: Request) -> Export:
        """POST the export; once more where it was refused and another version turns out to be served by now."""
        spoken = self._dialect
        try:
            return self._create(request)
        except UnauthorizedError:
            raise
        except PermanentError:  # so nothing was created
            self._served(self._connection.get(_page(1, size=1)))
            if self._dialect is spoken:
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
        answer = self._served(self._connection.post("exports", body, {"Content-Type": MEDIA_TYPE}))
        return _parse(answer.get("data"), _version(answer))

    def exports(self) -> Listing:
        """The list, newest first."""
        return listing.whole(self._pages, shown(self._connection.url("exports")))

    def _pages(self) -> Iterator[tuple[Iterable[Export], int]]:
        return self._connection.pages(_page(1), _Turning(self._served))

    def _served(self, response: requests.Response) -> dict[str, Any]:
        """The answer; what is asked next is in the dialect of its version."""
        answer = answers.document(response)
        if version := _version(answer):
            self._dialect = dialect_of(version)
            self.reference_length = self._dialect.reference_length
        return answer

    def holds(self, export: Export, dataset: Dataset) -> bool:
        """Whether type and filters are the dataset's; versions that repeat no filters leave those open."""
        same = not export.filters or _meant(export.filters) == _meant(dataset.filters)
        return export.resource == dataset.resource and same

    def open(self, export: Export, offset: int = 0, etag: str = "") -> requests.Response:
        """Stream the file."""
        if export.url is None:
            raise TransientError(f"Export {export.id} has no file yet; try again later.")
        return self._connection.open(export.url, offset, etag)

    def skew(self) -> timedelta | None:
        """By how much DIDWW's clock was ahead of ours at its last answer, to the second."""
        return self._connection.skew


class _Turning:
    """Reads a page and finds the next: what its link says, or by number, as far as the list counts or brings news."""

    def __init__(self, served: Callable[[requests.Response], Mapping[str, Any]]) -> None:
        self._served = served
        self._linked = False
        self._last: list[Any] = []
        self._number = self._rows = 0

    def __call__(self, response: requests.Response) -> tuple[tuple[list[Export], int], str | None]:
        """What is on the page and how many exports the list has, and where the page after it is."""
        page = self._served(response)
        items, total = _items(str(response.url), page), answers.total(page)
        self._number += 1
        self._rows += len(items)
        following = self._next(page, items, total)
        self._last = items
        return ([_parse(item, _version(page)) for item in items], total), following

    def _next(self, page: Mapping[str, Any], items: list[Any], total: int) -> str | None:
        self._linked = self._linked or page.get("links") is not None
        link = answers.mapping(page.get("links")).get("next")
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
    """The page that a link leads to, as we ask for pages: of the link there is only what could not be known.

    A link may leave out what we asked for, such as the order, or be of a host that is not asked.
    """
    said, ours = dict(parse_qsl(link.partition("?")[2].partition("#")[0])), _query(number)
    if said.keys() - ours.keys():  # a page that is told by something else than its number
        del ours[_NUMBER]
    return f"exports?{urlencode({**ours, **said, 'sort': ours['sort']})}"


def _items(url: str, page: Mapping[str, Any]) -> list[Any]:
    items = page.get("data")
    if not isinstance(items, list):
        raise TransientError(f"GET {shown(url)} was answered without a list; try again later.")
    return items


def _version(answer: Mapping[str, Any]) -> str:
    return _text(_mapping(answer.get("meta")).get("api_version")) or ""


def _parse(item: Any, version: str) -> Export:
    """Read one resource: a foreign or older export may lack anything but its id, and must not hide the others."""
    if not isinstance(item, Mapping) or "id" not in item:
        raise TransientError("DIDWW answered with something that is not an export; try again later.")
    attributes = _mapping(item.get("attributes"))
    filters = _mapping(attributes.get("filters"))
    said = answers.said(attributes.get("status"))
    return Export(
        id=str(item["id"]),
        resource=str(attributes.get("export_type", "")),
        status=_STATUS.get(said.lower(), Status.UNKNOWN),
        created_at=answers.instant(attributes.get("created_at")) or datetime.min.replace(tzinfo=UTC),
        url=_text(attributes.get("url")),
        reference=_text(attributes.get("external_reference_id")),
        start=answers.instant(filters.get("from")),
        end=answers.instant(filters.get("to")),
        filters=filters,
        api_version=version,
        said=said,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _meant(filters: Mapping[str, object]) -> dict[str, list[str]]:
    """What filters choose beside the time, whether written as text or number, alone or in a list, in any order."""
    narrowing = {name: value for name, value in filters.items() if name not in WINDOW and value not in ("", None, [])}
    return {name: sorted(map(str, value if isinstance(value, list) else [value])) for name, value in narrowing.items()}
