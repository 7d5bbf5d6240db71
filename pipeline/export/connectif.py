"""Export from Connectif (API of November 2026): linked pages, and files at addresses that are made on each look.

An export carries no reference: it is known by what the list repeats of its request. Two things are not documented.
Pages may shift while they are read, and the list does not say how long it is: one of several pages is read until two
readings agree. The window may or may not include ``toDate``: the end of the month is sent unchanged, so that no
millisecond is missing. Rows of the next month are found by their own time.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import requests

from pipeline.addresses import shown
from pipeline.dataset import Dataset
from pipeline.errors import PermanentError, TransientError
from pipeline.export import listing, responses
from pipeline.export.connection import Connection
from pipeline.export.protocol import Credentials, Export, Listing, Request, Status
from pipeline.export.rate_limiter import RateLimiter
from pipeline.export.response_policy import ResponsePolicy

URL = "https://api.connectif.cloud"

_EXPLORER = "data-explorer"
_CREATE = {"activities": "exports/", _EXPLORER: f"exports/type/{_EXPLORER}"}
_DEFAULTS = {"activities": {"delimiter": ",", "dateFormat": "ISO", "version": "v1"}, _EXPLORER: {"delimiter": ","}}
_FROM, _TO = "fromDate", "toDate"
_REPEATED = ("origin", "delimiter", "dateFormat", "version", "filters")
_QUEUE_FULL = "E0301"
"""Five exports of the account are queued already: an HTTP 400 that is worth repeating."""

_STATUS = {
    "queued": Status.PENDING,
    "inprogress": Status.PROCESSING,
    "finished": Status.COMPLETED,
    "error": Status.FAILED,
    "cancelled": Status.FAILED,
}


class Vendor:
    """Connectif's exports, as an ``ExportVendor``; arguments are those of ``Connection``.

    The key is ``keyId:keySecret``.
    """

    name = "connectif"
    reference_length = 0
    months_kept: int | None = None

    def __init__(self, credentials: Credentials, backoff: float = 1.0, limiter: RateLimiter | None = None) -> None:
        policy = ResponsePolicy(credentials.setting, _reason, _is_busy, "X-RateLimit-Reset")
        self._connection = Connection(
            credentials, lambda key: {"Authorization": f"apiKey {key}"}, policy=policy, backoff=backoff, limiter=limiter
        )

    def request(self, request: Request) -> Export:
        """POST the export, once; refuse contacts, which Connectif exports as they are now and not by month."""
        resource = request.dataset.resource
        if resource not in _CREATE:
            raise PermanentError(
                f"{resource} was not requested, because Connectif does not export it by month; "
                f"declare {request.dataset.name} with one of {', '.join(_CREATE)}."
            )
        body = _body(request.dataset)
        body["filters"] |= _window(request)
        return self._parse(responses.json_object(self._connection.post(_CREATE[resource], body)))

    def exports(self) -> Listing:
        """Return the list, which does not say how long it is."""
        return listing.agreed(self._read_list, shown(self._connection.url("exports")))

    def holds(self, export: Export, dataset: Dataset) -> bool:
        """Return whether resource, options and filters are the dataset's, and it was requested through the API."""
        wanted = {"origin": "api", **_body(dataset)}
        alike = _comparable(wanted.pop("filters")) == _comparable(export.filters.get("filters"))
        alike &= all(export.filters.get(name, value) == value for name, value in wanted.items())
        return alike and export.resource == dataset.resource

    def open(self, export: Export, offset: int = 0, etag: str = "") -> requests.Response:
        """Start to stream the ZIP from a new signed address, which lives for 100 minutes."""
        url = responses.json_object(self._connection.get(export.url)).get("fileUrl") if export.url else None
        if not url:
            raise TransientError(f"Export {export.id} has no file yet; try again later.")
        return self._connection.open(str(url), offset, etag, signed=True)

    def skew(self) -> timedelta | None:
        """Return how far Connectif's clock was ahead of ours at its last response, to the second."""
        return self._connection.skew

    def _read_list(self) -> tuple[int, dict[str, Export]]:
        """Return the number of pages, and their exports by id."""
        pages = list(self._connection.pages("exports", self._read))
        return len(pages), {export.id: export for page in pages for export in page}

    def _read(self, response: requests.Response) -> tuple[list[Export], str | None]:
        """Return the exports of a page and the address of the next page; ``links`` may be missing."""
        page = responses.json_object(response)
        results = responses.json_list(page.get("results"), response)
        following = responses.mapping(page.get("links")).get("next")
        return [self._parse(item) for item in results], str(following) if following else None

    def _parse(self, item: Any) -> Export:
        item = responses.identified(item, "Connectif")
        vendor_status = responses.vendor_status(item.get("status"))
        status = _STATUS.get(vendor_status.lower(), Status.UNKNOWN)
        created_at = responses.created_at(item.get("createdAt"))
        start, end = _span(item, created_at)
        return Export(
            id=str(item["id"]),
            resource=str(item.get("exportType", "")),
            status=status,
            created_at=created_at,
            url=self._connection.url(f"exports/{quote(str(item['id']), safe='')}") if item.get("fileUrl") else None,
            start=start,
            end=end,
            filters={name: item[name] for name in _REPEATED if item.get(name) is not None},
            records=responses.record_count(item.get("total")) if status is Status.COMPLETED else None,
            vendor_status=vendor_status,
        )


def _reason(error: Any) -> str:
    invalid = [f"{item['path']} {item['reason']}" for item in error.get("validationErrors") or []]
    return "; ".join([str(error.get("detail") or error["title"]), *invalid])


def _is_busy(error: Any) -> bool:
    return bool(error["code"] == _QUEUE_FULL)


def _body(dataset: Dataset) -> dict[str, Any]:
    """Return the body of a request without its window, which is what the list repeats; columns cannot be chosen."""
    named = {"exportType": dataset.resource} if dataset.resource != _EXPLORER else {}
    return {**named, **_DEFAULTS.get(dataset.resource, {}), **dataset.options, "filters": dict(dataset.filters)}


def _window(request: Request) -> dict[str, str]:
    """Return the window as filters: two times, or the first and the last day for reports."""
    if request.dataset.resource == _EXPLORER:
        last = request.end - timedelta(microseconds=1)
        return {_FROM: f"{request.start:%Y-%m-%d}", _TO: f"{last:%Y-%m-%d}"}
    start, end = (moment.isoformat(timespec="milliseconds") for moment in (request.start, request.end))
    return {_FROM: start.replace("+00:00", "Z"), _TO: end.replace("+00:00", "Z")}


def _span(item: Mapping[str, Any], created_at: datetime) -> tuple[datetime | None, datetime | None]:
    """Return the window that an export repeats, None where it does not say.

    The window of a report includes its last day. While that day is not over, nothing says where the file ends. Days
    that are repeated as times are midnights in the account's zone, which is not known.
    """
    filters = responses.mapping(item.get("filters"))
    start, end = responses.timestamp(filters.get(_FROM)), responses.timestamp(filters.get(_TO))
    if item.get("exportType") != _EXPLORER or end is None:
        return start, end
    if "T" in f"{filters[_FROM]}{filters[_TO]}":
        return None, None
    end += timedelta(days=1)
    return start, end if created_at == responses.NEVER or end <= created_at else None


def _comparable(filters: object) -> dict[str, object]:
    """Return the filters without window and empty values; lists are sorted, because their order does not matter."""
    given = {name: value for name, value in responses.mapping(filters).items() if value and name not in (_FROM, _TO)}
    return {name: sorted(map(str, value)) if isinstance(value, list) else str(value) for name, value in given.items()}
