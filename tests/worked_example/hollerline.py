"""A local Hollerline: what docs/adding-a-vendor.md says of that vendor, so that its worked example can be proved."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random

from pipeline.sandbox import Operation
from pipeline.sandbox.account import Draft, Export, Stage
from pipeline.sandbox.dialect import Content, Route
from pipeline.sandbox.files.csvfile import Shape
from pipeline.sandbox.files.sheet import Sheet
from pipeline.sandbox.local import Local
from pipeline.sandbox.request import Request
from pipeline.sandbox.responses import JSON, RefusalError, Response, document

_PATH = "/v1/exports"
_PAGE = 50
_ON_ALL = {"GET": Operation.LIST, "POST": Operation.CREATE}
_REQUEST = {"report", "columns", "by", "from", "until", "where", "label"}
_LONGEST_LABEL = 64
_CODES = {401: "unauthorized", 404: "not_found", 409: "queue_full", 422: "invalid", 429: "too_many"}
_SHEET = Sheet(Shape(delimiter=";"), container="gzip")


class Sandbox(Local):
    """A local vendor that answers like Hollerline."""

    fields = {  # noqa: RUF012 - the vendor's
        "calls": {
            "id": "id",
            "started_at": "timestamp",
            "answered_at": "timestamp",
            "caller": "text",
            "toll_free_number": "text",
            "duration_seconds": "integer",
            "charge_usd": "money",
        },
        "payphone_surcharges": {
            "id": "id",
            "billed_at": "timestamp",
            "toll_free_number": "text",
            "surcharge_usd": "money",
        },
    }
    words = {  # noqa: RUF012 - the vendor's
        Stage.QUEUED: "waiting",
        Stage.PROCESSING: "working",
        Stage.DONE: "ready",
        Stage.FAILED: "broken",
    }
    path = "/v1"
    key_header = "X-Api-Key"
    kept = timedelta(days=7)
    pointer_lives = timedelta(minutes=10)

    def route(self, request: Request) -> Route | None:
        if request.path == _PATH and request.method in _ON_ALL:
            return Route(_ON_ALL[request.method])
        before, _, name = request.path.rpartition("/")
        return Route(Operation.SHOW, name) if before == _PATH and request.method == "GET" else None

    def is_authorized(self, request: Request) -> bool:
        return request.headers.get("x-api-key") == self.api_key

    def draft(self, body: Content, path: str) -> Draft:
        known = self.fields.get(body["report"])
        if known is None:
            raise self.refused(422, f"report must be one of {', '.join(self.fields)}")
        named = {*body["columns"], body["by"], *body["where"]}
        if unknown := sorted((body.keys() - _REQUEST) | (named - known.keys())):
            raise self.refused(422, f"{', '.join(unknown)} is not known")
        if len(body["label"]) > _LONGEST_LABEL:
            raise self.refused(422, "label is too long")
        start, end = (datetime.fromisoformat(body[name]) for name in ("from", "until"))
        return Draft(body["report"], tuple(body["columns"]), body, start, end, body["by"])

    def foreign_draft(self, rng: Random) -> Draft:
        report = rng.choice([*self.fields])
        known = self.fields[report]
        window = next(name for name, kind in known.items() if kind == "timestamp")
        since = (self.account.now() - timedelta(days=rng.randrange(2, 30))).replace(microsecond=0)
        body: Content = {
            "report": report,
            "columns": [*known][: rng.randrange(2, len(known) + 1)],
            "by": window,
            "from": f"{since:%Y-%m-%dT%H:%M:%SZ}",
            "until": f"{since + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}",
            "where": {},
            "label": rng.choice(["", "invoice check", "cdr/of somebody else/2026-10/day0"]),
        }
        return self.draft(body, _PATH)

    def resource(self, request: Request, export: Export, status: str, operation: Operation) -> Content:
        created = f"{export.created_at:%Y-%m-%dT%H:%M:%SZ}"
        file = self.pointer(request, export, status, operation)
        return {**export.body, "id": export.id, "created": created, "state": status, "file": file}

    def page(self, request: Request, exports: Sequence[Export], *, endless: bool) -> Response:
        number = int(dict(request.parameters).get("page", 1))
        newest = exports[::-1]
        shown = [self.shown(request, one, Operation.LIST) for one in newest[(number - 1) * _PAGE : number * _PAGE]]
        after = number if endless else number + 1
        more = endless or number * _PAGE < len(newest)
        following = f"{_PATH}?page={after}" if more else None
        return document(200, {"exports": shown, "total": len(newest), "next": following}, JSON)

    def is_later_page(self, request: Request) -> bool:
        return dict(request.parameters).get("page", "1") != "1"

    def refused(self, status: int, reason: str, **more: object) -> RefusalError:
        return RefusalError(document(status, {"error": reason, "code": _CODES[status], **more}, JSON))

    def busy(self) -> Response:
        return self.refused(409, "There are exports enough in the queue").answer

    def sheet(self, export: Export) -> Sheet:
        return _SHEET
