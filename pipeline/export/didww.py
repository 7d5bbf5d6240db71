"""How to ask DIDWW (API version 2026-04-16): JSON:API, an export's life in its list, files behind the API's host."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urljoin

import requests
from pydantic import SecretStr

from pipeline.errors import PermanentError, TransientError
from pipeline.export import answers, http
from pipeline.export.pace import Pace
from pipeline.export.protocol import Export, Request, Status

MEDIA_TYPE = "application/vnd.api+json"
"""Sent without parameters: with a charset DIDWW answers 415."""

_PAGE_SIZE = 100
_MAX_PAGES = 10_000
_MAX_REDIRECTS = 5
_MAX_READINGS = 3
_STATUS = {status.value: status for status in Status if status is not Status.UNKNOWN}


class Didww:
    """DIDWW's exports, as the pipeline's ``ExportVendor``."""

    name = "didww"

    def __init__(self, url: str, key: SecretStr, version: str, patience: float = 1.0, pace: Pace | None = None) -> None:
        self._url = f"{url}/exports"
        self._key = key
        self._version = version
        self._http = http.session(patience, pace=pace)
        self._once = http.session(repeats=0, pace=pace)
        self._skew: timedelta | None = None

    def ask(self, request: Request) -> Export:
        """POST the export, once."""
        body = {
            "data": {
                "type": "exports",
                "attributes": {
                    "export_type": request.record_type,
                    "external_reference_id": request.reference,
                    "filters": {"from": _written(request.start), "to": _written(request.end)},
                },
            }
        }
        headers = self._headers() | {"Content-Type": MEDIA_TYPE}
        answer = answers.document(http.call(self._once, "POST", self._url, data=json.dumps(body), headers=headers))
        return _parse(answer.get("data"), _version(answer))

    def exports(self) -> Sequence[Export]:
        """The whole list, newest first; read again where exports came or went meanwhile and shifted its pages."""
        for _ in range(_MAX_READINGS):
            found, total = self._read_list()
            if len(found) >= total:
                return list(found.values())
        raise TransientError(f"GET {http.shown(self._url)} listed {len(found)} of {total} exports; try again later.")

    def _read_list(self) -> tuple[dict[str, Export], int]:
        """What all pages hold, and the most exports that any page counted: if there are fewer, one slipped past us."""
        found: dict[str, Export] = {}
        total = 0
        for page in self._pages():
            total = max(total, answers.total(page))
            for item in page["data"]:
                export = _parse(item, _version(page))
                found.setdefault(export.id, export)
        return found, total

    def open(self, export: Export, offset: int = 0, etag: str = "") -> requests.Response:
        """Stream the file; redirects are followed by hand, and the key is shown to the API's own origin only."""
        url = export.url
        if url is None:
            raise TransientError(f"Export {export.id} has no file yet; try again later.")
        url = urljoin(self._url, url)
        span = {"Range": f"bytes={offset}-", "If-Range": etag} if offset and etag else {}
        for _ in range(_MAX_REDIRECTS):
            response = self._get_file(url, span)
            if not response.is_redirect:
                return response
            url = urljoin(url, response.headers["Location"])
            response.close()
        raise PermanentError(f"GET {http.shown(url)} redirects without end; tell the vendor's support.")

    def skew(self) -> timedelta | None:
        """By how much DIDWW's clock was ahead of ours when it last listed exports, to the second."""
        return self._skew

    def _get_file(self, url: str, span: Mapping[str, str]) -> requests.Response:
        ours = http.same_origin(url, self._url)
        headers = {"Accept": "*/*", "Accept-Encoding": "identity", **span} | (self._credentials() if ours else {})
        return http.call(self._http, "GET", url, headers=headers, stream=True)

    def _pages(self) -> Iterator[dict[str, Any]]:
        url = self._page_url(1)
        seen: set[str] = set()
        before: list[Any] = []
        linked = False
        while url:
            seen.add(url)
            response = http.call(self._http, "GET", url, headers=self._headers())
            self._skew = answers.skew(response.headers.get("Date"))
            page = answers.document(response)
            if not isinstance(page.get("data"), list):
                raise TransientError(f"GET {http.shown(url)} was answered without a list; try again later.")
            yield page
            linked = linked or page.get("links") is not None
            if linked:
                url = self._next(page, seen)
            else:  # a vendor without links is asked page by page, until nothing is new
                url = "" if page["data"] in ([], before) else self._page_url(len(seen) + 1)
            before = page["data"]

    def _page_url(self, number: int) -> str:
        return f"{self._url}?sort=-created_at&page%5Bnumber%5D={number}&page%5Bsize%5D={_PAGE_SIZE}"

    def _next(self, page: Mapping[str, Any], seen: set[str]) -> str:
        link = (page.get("links") or {}).get("next")
        if link is None:
            return ""
        url = urljoin(self._url, str(link))
        if not http.same_origin(url, self._url):
            raise PermanentError("The list's next page is on another host, where the key must not go; tell the vendor.")
        if url in seen or len(seen) >= _MAX_PAGES:
            raise TransientError(f"GET {http.shown(url)} names a next page that was read already; try again later.")
        return url

    def _headers(self) -> dict[str, str]:
        return {"Accept": MEDIA_TYPE} | self._credentials()

    def _credentials(self) -> dict[str, str]:
        key = self._key.get_secret_value()
        if not key:
            raise PermanentError("DIDWW cannot be asked without an API key; set DIDWW_API_KEY.")
        if not (key.isascii() and key.isprintable() and " " not in key):
            # What refuses such a header further down would repeat the key in its error.
            raise PermanentError("The API key holds a character that no key has, such as a space; check DIDWW_API_KEY.")
        return {"Api-Key": key, "X-DIDWW-API-Version": self._version}


def _version(answer: Mapping[str, Any]) -> str:
    return str((answer.get("meta") or {}).get("api_version", ""))


def _parse(item: Any, version: str) -> Export:
    """Read one resource: a foreign or older export may lack anything but its id, and must not hide the others."""
    if not isinstance(item, Mapping) or "id" not in item:
        raise TransientError("DIDWW answered with something that is not an export; try again later.")
    attributes = _mapping(item.get("attributes"))
    filters = _mapping(attributes.get("filters"))
    said = str(attributes.get("status", ""))
    return Export(
        id=str(item["id"]),
        record_type=str(attributes.get("export_type", "")),
        status=_STATUS.get(said.lower(), Status.UNKNOWN),
        created_at=_instant(attributes.get("created_at")) or datetime.min.replace(tzinfo=UTC),
        url=_text(attributes.get("url")),
        reference=_text(attributes.get("external_reference_id")),
        start=_instant(filters.get("from")),
        end=_instant(filters.get("to")),
        filters=filters,
        api_version=version,
        said=said,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _instant(text: object) -> datetime | None:
    """Read the vendor's times, ``2026-10-01 00:00:00`` or ISO 8601; anything else is none."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _written(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
