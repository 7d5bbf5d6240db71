"""Export from PackageX: exports without a reference that live for a day, files at addresses shown on request.

An export may have two more files: records that were left out as possibly malicious, and records that failed.

A request can name the start of a window only (``gte:``), as a date in an unknown zone. So it starts a day early and has
no end. The records outside the window are left out by their own time when the file is read.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import requests

from pipeline.addresses import shown
from pipeline.dataset import Companion, Dataset
from pipeline.errors import TransientError
from pipeline.export import listing, responses
from pipeline.export.connection import Connection
from pipeline.export.protocol import Credentials, Export, Listing, Request, Status
from pipeline.export.rate_limiter import RateLimiter
from pipeline.export.response_policy import ResponsePolicy

URL = "https://api.packagex.io/v1"

# The default is 10, a maximum is not documented. A smaller page does no harm: the body says whether there is another.
_PAGE_SIZE = 100
_A_DAY = timedelta(days=1)
_FORM = {"timezone": "UTC", "datetime_format": "yyyy-MM-dd HH:mm:ss"}
_FILES = {None: "_csv_url", Companion.SANITIZED: "_csv_sanitized_url", Companion.ERRORS: "_csv_error_url"}
_ECHOED = ("options", "csv_field_options")
_STATUS = {
    "queued": Status.PENDING,
    "processing": Status.PROCESSING,
    "completed": Status.COMPLETED,
    "failed": Status.FAILED,
    "timed_out": Status.FAILED,
}


class Vendor:
    """PackageX's exports, as an ``ExportVendor``; arguments are those of ``Connection``.

    A dataset's ``filters`` are those of its resource's list, its ``options`` members of ``csv_field_options``.
    """

    name = "packagex"
    reference_length = 0
    months_kept: int | None = None

    def __init__(self, credentials: Credentials, backoff: float = 1.0, limiter: RateLimiter | None = None) -> None:
        policy = ResponsePolicy(credentials.setting, _reason)
        self._connection = Connection(
            credentials, lambda key: {"PX-API-KEY": key}, policy=policy, backoff=backoff, limiter=limiter
        )

    def request(self, request: Request) -> Export:
        """POST the export, once."""
        body = _body(request.dataset)
        body["options"][request.dataset.window] = f"gte:{request.start.astimezone(UTC) - _A_DAY:%Y-%m-%d}"
        return _parse(_record(responses.json_object(self._connection.post("exports", body))))

    def exports(self) -> Listing:
        """Return the list, newest first: new exports make others come twice, and old ones go from the end."""
        return listing.whole(self._pages, shown(self._connection.url("exports")))

    def holds(self, export: Export, dataset: Dataset) -> bool:
        """Return whether the resource, and what the list repeats of the request, are the dataset's.

        The filters of rows must be equal. Of the form of the file, the vendor may repeat more than was sent.
        """
        body = _body(dataset)
        options = responses.mapping(export.filters.get("options", body["options"]))
        form = responses.mapping(export.filters.get("csv_field_options"))
        same_rows = _comparable(options, dataset.window) == _comparable(body["options"], dataset.window)
        same_form = all(form.get(name, value) == value for name, value in body["csv_field_options"].items())
        return export.resource == dataset.resource and same_rows and same_form

    def open(self, export: Export, offset: int = 0, etag: str = "") -> requests.Response:
        """Start to stream the CSV from the address that the export has now."""
        url = self._look(export).get(_FILES[export.companion])
        if not url:
            raise TransientError(f"Export {export.id} has no file of {export.companion} now; try again later.")
        return self._connection.open(str(url), offset, etag)

    def companions(self, export: Export) -> Sequence[Companion]:
        """Return the further files that have an address."""
        record = self._look(export)
        return [name for name, member in _FILES.items() if name and record.get(member)]

    def _look(self, export: Export) -> Mapping[str, Any]:
        """Return the export with the addresses of its files."""
        # Both flags, because the documentation has them crossed in places.
        response = self._connection.get(f"{_path(export.id)}?include_csv=true&include_json=true")
        record: Mapping[str, Any] = _record(responses.json_object(response))
        if not record.get(_FILES[None]):
            raise TransientError(f"Export {export.id} has no file yet; try again later.")
        return record

    def skew(self) -> timedelta | None:
        """Return how far PackageX's clock was ahead of ours at its last response, to the second."""
        return self._connection.skew

    def _pages(self) -> Iterator[tuple[Iterable[Export], int]]:
        return self._connection.pages(_page(1), _PageReader())


class _PageReader:
    """Reads a page and counts on to the next one, where the body says that there is one."""

    def __init__(self) -> None:
        self._read = 0
        self._seen: set[str] = set()

    def __call__(self, response: requests.Response) -> tuple[tuple[list[Export], int], str | None]:
        """Return the exports of the page with the total of the list, and the address of the next page."""
        page, what = responses.json_object(response), shown(str(response.url))
        pagination = responses.mapping(page.get("pagination"))
        exports = [_parse(item) for item in responses.json_list(page.get("data"), response)]
        if pagination.get("has_more") and self._seen.issuperset(export.id for export in exports):
            raise TransientError(f"GET {what} names a next page that was read already; try again later.")
        self._seen.update(export.id for export in exports)
        self._read += 1
        # older revisions of the documentation leave the count out
        following = _page(self._read + 1) if pagination.get("has_more") else None
        return (exports, responses.record_count(pagination.get("total_count")) or 0), following


def _body(dataset: Dataset) -> dict[str, Any]:
    """Return the body of a request without its window; records come oldest first, so that none shifts meanwhile."""
    order = {"limit": "all", "order_by": dataset.window, "direction": "asc"}
    columns = dict.fromkeys(dataset.fields, True)
    return {
        "resource": dataset.resource,
        "options": {**dataset.filters, **order},
        "csv_field_options": {**dataset.options, **_FORM, "columns": columns},
    }


def _comparable(options: Mapping[str, Any], window: str) -> dict[str, Any]:
    """Return the options without the window and without empty values."""
    return {name: value for name, value in options.items() if name != window and value not in (None, "")}


def _path(export_id: str) -> str:
    return f"exports/{quote(export_id, safe='')}"


def _page(number: int) -> str:
    # By default, the newest export is the last on the last page.
    return f"exports?page={number}&limit={_PAGE_SIZE}&order_by=created_at&direction=desc"


def _record(body: Mapping[str, Any]) -> Any:
    """Return the export in a body: under ``data``, or the body itself, as some samples have it."""
    return body["data"] if isinstance(body.get("data"), Mapping) else body


def _parse(item: Any) -> Export:
    item = responses.identified(item, "PackageX")
    vendor_status = responses.vendor_status(item.get("status"))
    status = _STATUS.get(vendor_status.lower(), Status.UNKNOWN)
    return Export(
        id=str(item["id"]),
        resource=str(item.get("resource") or ""),
        status=status,
        created_at=_created(item.get("created_at")),
        url=_path(str(item["id"])),
        filters={name: item[name] for name in _ECHOED if name in item},
        records=responses.record_count(item.get("count_total")) if status is Status.COMPLETED else None,
        vendor_status=vendor_status,
    )


def _created(value: object) -> datetime:
    """Return the time of creation: seconds of the epoch as in other resources, or ISO 8601; no document says which."""
    if not isinstance(value, int | float):
        return responses.created_at(value)
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, OSError, ValueError):
        return responses.NEVER


def _reason(envelope: Any) -> str:
    return "; ".join(map(str, envelope["errors"])) or str(envelope["message"])
