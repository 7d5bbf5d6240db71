"""How to ask Connectif (as documented in November 2026): linked pages, and files behind addresses minted on each look.

An export carries no word of ours: it is told by what the list repeats of its request. What is not documented, and what
is done about it: pages may shift while they are read, and the list does not say how long it is, so one of several
pages is read until two readings in a row agree. Whether ``toDate`` is in the window is not said either: the month's
end is sent as it is, so that no millisecond can be missing; a row that is the next month's is found by its instant.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import requests

from pipeline.addresses import shown
from pipeline.dataset import Dataset
from pipeline.errors import PermanentError, TransientError
from pipeline.export import answers, listing
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
"""Five exports are queued already, whoever asked for them: an HTTP 400 that is worth repeating."""

_STATUS = {
    "queued": Status.PENDING,
    "inprogress": Status.PROCESSING,
    "finished": Status.COMPLETED,
    "error": Status.FAILED,
    "cancelled": Status.FAILED,
}


class Vendor:
    """Connectif's exports, as the pipeline's ``ExportVendor``; the key is ``keyId:keySecret``."""

    name = "connectif"
    reference_length = 0
    months_kept: int | None = None

    def __init__(self, credentials: Credentials, backoff: float = 1.0, limiter: RateLimiter | None = None) -> None:
        policy = ResponsePolicy(
            credentials.setting, _reason, lambda body: body["code"] == _QUEUE_FULL, "X-RateLimit-Reset"
        )
        self._connection = Connection(
            credentials, lambda key: {"Authorization": f"apiKey {key}"}, policy=policy, backoff=backoff, limiter=limiter
        )

    def ask(self, request: Request) -> Export:
        """POST the export, once; contacts are refused, they are exported as they are now and not by month."""
        resource = request.dataset.resource
        if resource not in _CREATE:
            raise PermanentError(
                f"Connectif was not asked for {resource}, which it does not export by month; "
                f"declare {request.dataset.name} with one of {', '.join(_CREATE)}."
            )
        body = _body(request.dataset)
        body["filters"] |= _window(request)
        return self._parse(answers.document(self._connection.post(_CREATE[resource], body)))

    def exports(self) -> Listing:
        """The list, which does not say how long it is."""
        return listing.agreed(self._read_list, shown(self._connection.url("exports")))

    def holds(self, export: Export, dataset: Dataset) -> bool:
        """Whether it was made through the API, of the same resource, with the same options and filters."""
        asked = {"origin": "api", **_body(dataset)}
        alike = _narrowed(asked.pop("filters")) == _narrowed(export.filters.get("filters"))
        alike &= all(export.filters.get(name, value) == value for name, value in asked.items())
        return alike and export.resource == dataset.resource

    def open(self, export: Export, offset: int = 0, etag: str = "") -> requests.Response:
        """Stream the ZIP from an address that a new look at the export mints; it lives 100 minutes, without our key."""
        minted = answers.document(self._connection.get(export.url)).get("fileUrl") if export.url else None
        if not minted:
            raise TransientError(f"Export {export.id} has no file yet; try again later.")
        return self._connection.open(str(minted), offset, etag, signed=True)

    def skew(self) -> timedelta | None:
        """By how much Connectif's clock was ahead of ours at its last answer, to the second."""
        return self._connection.skew

    def _read_list(self) -> tuple[int, dict[str, Export]]:
        """How many pages there were, and what they hold."""
        pages = list(self._connection.pages("exports", self._read))
        return len(pages), {export.id: export for page in pages for export in page}

    def _read(self, response: requests.Response) -> tuple[list[Export], str | None]:
        """What is on a page, and where the next is: ``links`` may be missing, and so may what is in it."""
        page = answers.document(response)
        results, following = page.get("results"), answers.mapping(page.get("links")).get("next")
        if not isinstance(results, list):
            raise TransientError(f"GET {shown(str(response.url))} was answered without a list; try again later.")
        return [self._parse(item) for item in results], str(following) if following else None

    def _parse(self, item: Any) -> Export:
        """Read one resource: a foreign or older export may lack anything but its id, and must not hide the others."""
        if not isinstance(item, Mapping) or not item.get("id"):
            raise TransientError("Connectif answered with something that is not an export; try again later.")
        said, created_at = answers.said(item.get("status")), answers.instant(item.get("createdAt"))
        status = _STATUS.get(said.lower(), Status.UNKNOWN)
        start, end = _span(item, created_at)
        return Export(
            id=str(item["id"]),
            resource=str(item.get("exportType", "")),
            status=status,
            created_at=created_at or datetime.min.replace(tzinfo=UTC),
            url=self._connection.url(f"exports/{quote(str(item['id']), safe='')}") if item.get("fileUrl") else None,
            start=start,
            end=end,
            filters={name: item[name] for name in _REPEATED if item.get(name) is not None},
            records=answers.count(item.get("total")) if status is Status.COMPLETED else None,
            said=said,
        )


def _reason(refusal: Any) -> str:
    """What Connectif says is wrong, and with what."""
    invalid = [f"{item['path']} {item['reason']}" for item in refusal.get("validationErrors") or []]
    return "; ".join([str(refusal.get("detail") or refusal["title"]), *invalid])


def _is_busy(refusal: Any) -> bool:
    return bool(refusal["code"] == _QUEUE_FULL)


def _body(dataset: Dataset) -> dict[str, Any]:
    """What is asked for besides the window, which is what the list repeats; columns cannot be chosen."""
    named = {"exportType": dataset.resource} if dataset.resource != _EXPLORER else {}
    return {**named, **_DEFAULTS.get(dataset.resource, {}), **dataset.options, "filters": dict(dataset.filters)}


def _window(request: Request) -> dict[str, str]:
    """The window in the words of the resource: instants, or for reports the first and the last whole day."""
    if request.dataset.resource == _EXPLORER:
        last = request.end - timedelta(microseconds=1)
        return {_FROM: f"{request.start:%Y-%m-%d}", _TO: f"{last:%Y-%m-%d}"}
    start, end = (moment.isoformat(timespec="milliseconds") for moment in (request.start, request.end))
    return {_FROM: start.replace("+00:00", "Z"), _TO: end.replace("+00:00", "Z")}


def _span(item: Mapping[str, Any], created_at: datetime | None) -> tuple[datetime | None, datetime | None]:
    """The window that an export repeats, as far as it says one.

    Of whole days the last is in it; while that one is not over, nobody says how far the file goes. Days that are
    repeated as instants are midnights of the account's zone, which nobody says either.
    """
    filters = answers.mapping(item.get("filters"))
    start, end = answers.instant(filters.get(_FROM)), answers.instant(filters.get(_TO))
    if item.get("exportType") != _EXPLORER or end is None:
        return start, end
    if "T" in f"{filters[_FROM]}{filters[_TO]}":
        return None, None
    end += timedelta(days=1)
    return start, end if created_at is None or end <= created_at else None


def _narrowed(filters: object) -> dict[str, object]:
    """Filters without the window and without what is empty; the order of a list does not matter."""
    told = {name: value for name, value in answers.mapping(filters).items() if value and name not in (_FROM, _TO)}
    return {name: sorted(map(str, value)) if isinstance(value, list) else str(value) for name, value in told.items()}
