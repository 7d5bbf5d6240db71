"""A local Rebilly: an array counted in headers that shows 2,000 at most, links by rel, CSV or a ZIP of parts."""

import json
import re
import time
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from pipeline.sandbox.account import Draft, Export, Stage
from pipeline.sandbox.dialect import Content, Route
from pipeline.sandbox.faults import Operation
from pipeline.sandbox.files.sheet import Sheet
from pipeline.sandbox.local import Local
from pipeline.sandbox.rebilly import bodies
from pipeline.sandbox.rebilly.listing import read_query
from pipeline.sandbox.request import Request
from pipeline.sandbox.responses import RefusalError, Response, document
from pipeline.sandbox.traffic.rows import BEGAN

_ORGANIZATION = "organizations/org_sandbox"
_EXPORTS = re.compile(rf"/(?:experimental/{_ORGANIZATION}|{_ORGANIZATION}/experimental)/data-exports(?:/([^/]+))?")
_FILE = re.compile(rf"/{_ORGANIZATION}/files/file_([^/]+)/download")
_ON_ALL = {"GET": Operation.LIST, "POST": Operation.CREATE}
_ON_ONE = {"GET": Operation.SHOW, "PUT": Operation.UPDATE, "DELETE": Operation.UPDATE}
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TITLES = {401: "Unauthorized", 404: "Not Found", 409: "Conflict", 422: "Validation error", 429: "Rate Limit Exceeded"}
_UNSAID: Content = {"arguments": None, "dateRange": None, "emailNotification": [], "fields": [], "recurring": None}


class Sandbox(Local):
    """A local vendor that answers like Rebilly's data exports.

    Args:
        part_records: The most records of a CSV, and of each part of a ZIP; a million at Rebilly.
        max_records: The most records of an export.
        inclusive_end: Whether a date range includes its end, which is not documented.
        options: As of ``Local``.
    """

    fields = bodies.FIELDS
    words = {  # noqa: RUF012 - the vendor's
        Stage.QUEUED: "queued",
        Stage.PROCESSING: "processing",
        Stage.DONE: "completed",
        Stage.FAILED: "failed",
    }
    key_header = "REB-APIKEY"
    path = f"/experimental/{_ORGANIZATION}"
    pointer_lives = timedelta(hours=1)

    def __init__(
        self, *, part_records: int = 500, max_records: int = 10_000_000, inclusive_end: bool = False, **options: Any
    ) -> None:
        self._part_records, self._max_records, self._inclusive = part_records, max_records, inclusive_end
        super().__init__(**options)

    def route(self, request: Request) -> Route | None:
        """Return what the request wants; both documented bases have the exports, the core API has the files."""
        if (file := _FILE.fullmatch(request.path)) and request.method == "GET":
            return Route(Operation.DOWNLOAD, f"exp_{file[1]}")
        found = _EXPORTS.fullmatch(request.path)
        operation = (_ON_ONE if found[1] else _ON_ALL).get(request.method) if found else None
        return Route(operation, found[1] or "") if found and operation else None

    def is_authorized(self, request: Request) -> bool:
        """Return whether the header has the secret key."""
        return request.headers.get("reb-apikey") == self.api_key

    def draft(self, body: Content, path: str) -> Draft:
        """Return the draft; refuse an invalid body, and one that matches too many records."""
        if wrong := list(bodies.complaints(body, self.account.now())):
            fields = [{"field": field, "message": message} for field, message in wrong]
            raise self.refused(422, "The data export is not valid.", invalidFields=fields)
        draft = bodies.read(body, self.account.now(), inclusive_end=self._inclusive)
        start, end = draft.start or BEGAN, draft.end or self.account.now()
        matched = sum(1 for _ in self.account.between(draft.resource, start, end, draft.window))
        if matched > self._max_records:
            limit = {"type": "data-export-limit-exceeded", "title": "Data export limit exceeded"}
            counts = {"matchedRecords": matched, "maxRecords": self._max_records}
            raise self.refused(422, "The data export matches too many records.", **limit, **counts)
        return draft

    def foreign_draft(self, rng: Random) -> Draft:
        """Return a draft of others."""
        now = self.account.now()
        return bodies.read(bodies.foreign_body(rng, now), now, inclusive_end=self._inclusive)

    def resource(self, request: Request, export: Export, status: str, operation: Operation) -> Content:
        """Return the export; a scheduled one has a status of its own until it starts."""
        now = self.account.now()
        scheduled = bool(export.body.get("recurring")) and status in ("queued", "processing")
        signed = self.pointer(request, export, status, operation)
        moments = [at for at in (export.created_at, export.processing_at, export.finished_at) if at and at <= now]
        return {
            **_UNSAID,
            **export.body,
            "id": export.id,
            "userId": f"usr_{'STRANGER' if export.foreign else 'OURS'}",
            "fileId": _file_id(export) if signed else None,
            "recordCount": len(export.rows) if signed and not export.foreign else None,
            "scheduledTime": _written(export.created_at + timedelta(days=3 * scheduled)),
            "createdTime": _written(export.created_at),
            "updatedTime": _written(max(moments, default=export.created_at)),
            "status": "pending" if scheduled else status,
            "failureReason": _failure(export) if status == self.words[Stage.FAILED] else None,
            "_links": self._links(request, export, signed),
        }

    def page(self, request: Request, exports: Sequence[Export], *, endless: bool) -> Response:
        """Return an array, with the count in headers; without ``sort`` its order means nothing."""
        try:
            query = read_query(request.parameters, self.account.now())
        except ValueError as wrong:
            fields = [{"field": str(wrong), "message": "is not what is documented."}]
            raise self.refused(422, "The list cannot be read that way.", invalidFields=fields) from wrong
        chosen, start = query.chosen(exports), 0 if endless else query.offset
        shown = [self.shown(request, export, Operation.LIST) for export in chosen[start : start + query.limit]]
        answer = document(200, shown)
        counts = {"Total": len(chosen), "Limit": query.limit, "Offset": query.offset}
        answer.headers |= {f"Pagination-{name}": str(count) for name, count in counts.items()}
        return answer

    def is_later_page(self, request: Request) -> bool:
        """Return whether the request has an offset or a filter."""
        query = dict(request.parameters)
        return query.get("offset", "0") != "0" or "filter" in query

    def refused(self, status: int, reason: str, **more: object) -> RefusalError:
        """Return a problem of RFC 9457, as plain JSON."""
        problem = {"title": _TITLES.get(status, "Bad Request"), "status": status, "type": "about:blank"}
        return RefusalError(document(status, {**problem, "detail": reason, **more}))

    def sheet(self, export: Export) -> Sheet:
        """Return CSV, or a ZIP of several parts for many records."""
        long = not export.foreign and len(export.rows) > self._part_records
        return Sheet(container="zip", part_records=self._part_records) if long else Sheet()

    def identify(self, number: uuid.UUID) -> str:
        """Return ``exp_`` and 26 digits to the base of 32."""
        return "exp_" + "".join(_CROCKFORD[number.int >> shift & 31] for shift in range(125, -1, -5))

    def single(self, status: int, resource: Content, request: Request) -> Response:
        """Return the export; a create also returns its address and the rate limit in headers."""
        answer = document(status, resource)
        if request.method != "GET":
            url = f"{request.origin}{self.path}/data-exports/{resource['id']}"
            answer.headers |= {"Location": url, "X-RateLimit-Limit": "3000", "X-RateLimit-Remaining": "2999"}
        return answer

    def too_many(self, value: str | float | None) -> Response:
        """Return a 429; ``value`` is how many seconds ahead the time of its header is."""
        answer = self.refused(429, "A request cannot be executed because there were too many.").answer
        if value is not None:
            answer.headers["X-RateLimit-Retry-After"] = str(int(time.time() + float(value)))
        return answer

    def update(self, request: Request, export: Export) -> Response:
        """Delete an export, or change one that is still queued."""
        if request.method == "DELETE":
            self.account.remove(export)
            return Response(204)
        if export.stage(self.account.now()) is not Stage.QUEUED:
            raise self.refused(409, "Only a pending data export can be modified.")
        export.draft = self.draft(json.loads(request.body), request.path)
        return self.single(200, self.shown(request, export, Operation.UPDATE), request)

    def _links(self, request: Request, export: Export, signed: str | None) -> list[dict[str, str]]:
        """Return the links in an array, whose order varies."""
        core = f"{request.origin}/{_ORGANIZATION}"
        links = {"self": f"{request.origin}{self.path}/data-exports/{export.id}", "user": f"{core}/users/usr_1"}
        if signed:
            links |= {"download": f"{core}/files/{_file_id(export)}/download", "signedLink": signed}
        found = [{"rel": rel, "href": href} for rel, href in links.items()]
        return found[::-1] if export.number % 2 else found


def _written(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _file_id(export: Export) -> str:
    return export.id.replace("exp_", "file_")


def _failure(export: Export) -> str | None:
    """Return why an export failed; foreign ones have several reasons or none."""
    reasons = ("max-retries-reached", "record-limit-exceeded", None)
    return reasons[export.number % 3] if export.foreign else reasons[0]
