"""How to ask PackageX: exports that carry no word of ours and live for a day, files behind addresses told on request.

An export may have two more files: the records that were left out as possibly malicious, and those that failed.

Of a window only the lower end can be told (``gte:``), by a date in nobody says which zone. So the day before the window
is asked for too, and every record since: those that lie outside are left out by their own time when the file is read.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import requests

from pipeline.addresses import shown
from pipeline.dataset import Companion, Dataset
from pipeline.errors import TransientError
from pipeline.export import answers, listing
from pipeline.export.connection import Connection
from pipeline.export.protocol import Credentials, Export, Listing, Request, Status
from pipeline.export.rate_limiter import RateLimiter
from pipeline.export.response_policy import ResponsePolicy

URL = "https://api.packagex.io/v1"

# The default is 10, a largest is not documented. A smaller page than asked for does no harm: only the body says whether
# there is another.
_PAGE_SIZE = 100
_A_DAY = timedelta(days=1)
_NEVER = datetime.min.replace(tzinfo=UTC)
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
    """PackageX's exports, as the pipeline's ``ExportVendor``.

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

    def ask(self, request: Request) -> Export:
        """POST the export, once."""
        body = _asked(request.dataset)
        body["options"][request.dataset.window] = f"gte:{request.start.astimezone(UTC) - _A_DAY:%Y-%m-%d}"
        return _parse(_record(answers.document(self._connection.post("exports", body))))

    def exports(self) -> Listing:
        """The list, newest first: what comes meanwhile is read twice, and what is a day old goes from its end."""
        return listing.whole(self._pages, shown(self._connection.url("exports")))

    def holds(self, export: Export, dataset: Dataset) -> bool:
        """Whether the resource is the dataset's, and what else was asked, though no document says that it is repeated.

        What narrows the rows must be the same. Of the file's form the vendor may repeat more than it was told.
        """
        asked = _asked(dataset)
        options = answers.mapping(export.filters.get("options", asked["options"]))
        form = answers.mapping(export.filters.get("csv_field_options"))
        same_rows = _told(options, dataset.window) == _told(asked["options"], dataset.window)
        same_form = all(form.get(name, value) == value for name, value in asked["csv_field_options"].items())
        return export.resource == dataset.resource and same_rows and same_form

    def open(self, export: Export, offset: int = 0, etag: str = "") -> requests.Response:
        """Stream the CSV from an address that a new look at the export tells."""
        address = self._look(export).get(_FILES[export.companion])
        if not address:
            raise TransientError(f"Export {export.id} has no file of {export.companion} now; try again later.")
        return self._connection.open(str(address), offset, etag)

    def companions(self, export: Export) -> Sequence[Companion]:
        """The further files of which a new look at the export tells an address."""
        record = self._look(export)
        return [name for name, member in _FILES.items() if name and record.get(member)]

    def _look(self, export: Export) -> Mapping[str, Any]:
        """The export with the addresses of its files."""
        # Both flags, because the documentation has them crossed in places.
        looked_at = self._connection.get(f"{_place(export.id)}?include_csv=true&include_json=true")
        record: Mapping[str, Any] = _record(answers.document(looked_at))
        if not record.get(_FILES[None]):
            raise TransientError(f"Export {export.id} has no file yet; try again later.")
        return record

    def skew(self) -> timedelta | None:
        """By how much PackageX's clock was ahead of ours at its last answer, to the second."""
        return self._connection.skew

    def _pages(self) -> Iterator[tuple[Iterable[Export], int]]:
        return self._connection.pages(_page(1), _Turning())


class _Turning:
    """Reads a page and counts on to the next, where the body says that there is one."""

    def __init__(self) -> None:
        self._read = 0
        self._seen: set[str] = set()

    def __call__(self, response: requests.Response) -> tuple[tuple[list[Export], int], str | None]:
        """What is on the page and how many exports the list has, and where the page after it is."""
        page, what = answers.document(response), shown(str(response.url))
        items, pagination = page.get("data"), answers.mapping(page.get("pagination"))
        if not isinstance(items, list):
            raise TransientError(f"GET {what} was answered without a list; try again later.")
        exports = [_parse(item) for item in items]
        if pagination.get("has_more") and self._seen.issuperset(export.id for export in exports):
            raise TransientError(f"GET {what} names a next page that was read already; try again later.")
        self._seen.update(export.id for export in exports)
        self._read += 1
        # older revisions of the documentation leave the count out
        following = _page(self._read + 1) if pagination.get("has_more") else None
        return (exports, answers.count(pagination.get("total_count")) or 0), following


def _asked(dataset: Dataset) -> dict[str, Any]:
    """What a request says of its dataset besides the window; oldest first, so that nothing shifts while it is read."""
    order = {"limit": "all", "order_by": dataset.window, "direction": "asc"}
    columns = dict.fromkeys(dataset.fields, True)
    return {
        "resource": dataset.resource,
        "options": {**dataset.filters, **order},
        "csv_field_options": {**dataset.options, **_FORM, "columns": columns},
    }


def _told(options: Mapping[str, Any], window: str) -> dict[str, Any]:
    """Options without the window and without what is empty."""
    return {name: value for name, value in options.items() if name != window and value not in (None, "")}


def _place(export_id: str) -> str:
    return f"exports/{quote(export_id, safe='')}"


def _page(number: int) -> str:
    # Unless told, the newest export is the last on the last page.
    return f"exports?page={number}&limit={_PAGE_SIZE}&order_by=created_at&direction=desc"


def _record(answer: Mapping[str, Any]) -> Any:
    """The export in an answer: under ``data``, or the answer itself, as some samples have it."""
    return answer["data"] if isinstance(answer.get("data"), Mapping) else answer


def _parse(item: Any) -> Export:
    """Read one export: a foreign or older one may lack anything but its id, and must not hide the others."""
    if not isinstance(item, Mapping) or not item.get("id"):
        raise TransientError("PackageX answered with something that is not an export; try again later.")
    said = answers.said(item.get("status"))
    status = _STATUS.get(said.lower(), Status.UNKNOWN)
    return Export(
        id=str(item["id"]),
        resource=str(item.get("resource") or ""),
        status=status,
        created_at=_created(item.get("created_at")),
        url=_place(str(item["id"])),
        filters={name: item[name] for name in _ECHOED if name in item},
        records=answers.count(item.get("count_total")) if status is Status.COMPLETED else None,
        said=said,
    )


def _created(value: object) -> datetime:
    """Seconds of the epoch, as other resources of the vendor have it, or ISO 8601: no document says which."""
    if not isinstance(value, int | float):
        return answers.instant(value) or _NEVER
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, OSError, ValueError):
        return _NEVER


def _reason(envelope: Any) -> str:
    """What the envelope of a refusal says is wrong."""
    return "; ".join(map(str, envelope["errors"])) or str(envelope["message"])
