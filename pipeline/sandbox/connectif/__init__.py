"""A local Connectif: linked pages, new signed addresses on every look, a queue of five, ZIPs of one CSV with a BOM.

Two things are invented because they are not documented: pages of 50 with the newest first, and that exports made in
the app count in the queue. ``activityTypes`` and ``segmentId`` are repeated, and filter nothing.
"""

import time
import uuid
from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import Any

from pipeline.sandbox.account import Draft, Export, Stage
from pipeline.sandbox.connectif import bodies
from pipeline.sandbox.connectif.bodies import DATES, EXPLORER, FIELDS, InvalidError
from pipeline.sandbox.dialect import Content, Route
from pipeline.sandbox.faults import Operation
from pipeline.sandbox.files.csvfile import Shape
from pipeline.sandbox.files.sheet import Sheet, iso
from pipeline.sandbox.local import Local
from pipeline.sandbox.request import Request
from pipeline.sandbox.responses import RefusalError, Response, document

_LIST = "/exports"
_CREATE = {"/exports": "", "/exports/": "", f"/exports/type/{EXPLORER}": EXPLORER}
_PAGE_SIZE = 50
_QUEUE = 5


class Sandbox(Local):
    """A local vendor that answers like Connectif's exports API; the zone of its account is UTC.

    Args:
        days_as_timestamps: Whether the days of a report are repeated as the times at which they begin and end.
        options: As of ``Local``.
    """

    fields = FIELDS
    words = {  # noqa: RUF012 - the vendor's
        Stage.QUEUED: "queued",
        Stage.PROCESSING: "inProgress",
        Stage.DONE: "finished",
        Stage.FAILED: "error",
    }
    key_header = "Authorization"
    pointer_lives = timedelta(minutes=100)

    def __init__(self, *, days_as_timestamps: bool = False, **options: Any) -> None:
        self._days_as_instants = days_as_timestamps
        super().__init__(**options)

    def route(self, request: Request) -> Route | None:
        """Return what the request wants: create at two paths, list, or show."""
        if request.method == "POST":
            return Route(Operation.CREATE) if request.path in _CREATE else None
        if request.path == _LIST:
            return Route(Operation.LIST)
        before, _, name = request.path.rpartition("/")
        return Route(Operation.SHOW, name) if before == _LIST else None

    def is_authorized(self, request: Request) -> bool:
        """Return whether ``Authorization`` has the word ``apiKey`` and the key."""
        return request.headers.get("authorization") == f"apiKey {self.api_key}"

    def draft(self, body: Content, path: str) -> Draft:
        """Return the draft; refuse it while the account's queue is full, and invalid fields by their path."""
        now = self.account.now()
        if sum(export.stage(now) is Stage.QUEUED for export in self.account.all()) >= _QUEUE:
            raise RefusalError(self.busy())
        try:
            return bodies.read(_CREATE[path] or str(body.get("exportType")), body)
        except InvalidError as error:
            wrong = [{"path": error.path, "reason": error.reason}]
            raise self.refused(422, "The export is not valid.", validationErrors=wrong) from error

    def foreign_draft(self, rng: Random) -> Draft:
        """Return a draft of any kind, made in the app or by another program."""
        return bodies.foreign_draft(rng, self.account.now())

    def resource(self, request: Request, export: Export, status: str, operation: Operation) -> Content:
        """Return the export with its whole request, and a new address of the file, in the list too."""
        body = export.body
        shown: dict[str, object] = {
            "id": export.id,
            "exportType": export.resource,
            "origin": body.get("origin", "api"),
            "status": status,
            "version": body.get("version", "v1"),
            "createdAt": iso(export.created_at),
            "dateFormat": body.get("dateFormat", "ISO"),
            "delimiter": body["delimiter"],
            "filters": self._repeated(export),
        }
        pointer = self.pointer(request, export, status, operation)
        if pointer is None:
            return shown
        file = {"fileExtension": "zip", "fileName": f"{export.resource}-{export.id}.zip", "fileUrl": pointer}
        counts = {} if export.foreign else dict.fromkeys(("progress", "total"), len(export.rows))
        return {**shown, **file, **counts, "finishedAt": iso(export.finished_at or export.created_at)}

    def page(self, request: Request, exports: Sequence[Export], *, endless: bool) -> Response:
        """Return the page, newest first; a single page has no ``links``, the last of several no ``next``."""
        number, last = _number(request), -(-len(exports) // _PAGE_SIZE)
        neighbours = {"prev": number - 1, "next": number + 1}
        links = {name: at for name, at in neighbours.items() if 1 <= at <= last} | ({"next": number} if endless else {})
        shown = exports[::-1][(number - 1) * _PAGE_SIZE : number * _PAGE_SIZE]
        page: dict[str, object] = {"results": [self.shown(request, export, Operation.LIST) for export in shown]}
        if links:
            page["links"] = {name: f"{request.origin}{_LIST}?page={at}" for name, at in links.items()}
        return document(200, page)

    def is_later_page(self, request: Request) -> bool:
        """Return whether the page is after the first."""
        return _number(request) > 1

    def refused(self, status: int, reason: str, **more: object) -> RefusalError:
        """Return a refusal with status, title and detail; without a body for the key or the rate."""
        if status in (401, 429):
            return RefusalError(Response(status))
        return RefusalError(document(status, {"status": status, "title": "Refused", "detail": reason, **more}))

    def too_many(self, value: str | float | None) -> Response:
        """Return a 429 without a body; ``value`` is how many seconds ahead the time of its header is."""
        limit = {"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "0"}
        reset = {} if value is None else {"X-RateLimit-Reset": str(int(time.time() + float(value)))}
        return Response(429, {**limit, **reset})

    def busy(self) -> Response:
        """Return a 400 with the code of a full queue."""
        again = "Please try again when any queued export has been completed or deleted."
        return self.refused(400, f"You have reached the limit of {_QUEUE} queued exports. {again}", code="E0301").answer

    def sheet(self, export: Export) -> Sheet:
        """Return one CSV in a ZIP, with a BOM, CR LF, and the delimiter and dates that were asked for."""
        shape = Shape(delimiter=str(export.body["delimiter"]), crlf=True, bom=True)
        return Sheet(shape, DATES[str(export.body.get("dateFormat", "ISO"))], "zip")

    def identify(self, number: uuid.UUID) -> str:
        """Return 24 hexadecimal digits."""
        return f"{number.int:032x}"[:24]

    def _repeated(self, export: Export) -> Content:
        filters = bodies.filters_of(export.body)
        if export.resource != EXPLORER or not self._days_as_instants:
            return filters
        days = {"fromDate": f"{filters['fromDate']}T00:00:00.000Z", "toDate": f"{filters['toDate']}T23:59:59.999Z"}
        return {**filters, **days}


def _number(request: Request) -> int:
    """Return which page is asked for, from 1."""
    number = dict(request.parameters).get("page", "")
    return int(number) if number.isdecimal() else 1
