"""Where a local vendor answers: the key and the rate are checked, faults strike, and the dialect speaks."""

import json
import uuid
from collections.abc import Callable

from pipeline.sandbox.account import Export
from pipeline.sandbox.answers import Answer, Wire
from pipeline.sandbox.dialect import Dialect, RefusalError, Route
from pipeline.sandbox.faults import REQUEST_FAULTS, Fault, Operation
from pipeline.sandbox.rate_limit import RateLimit
from pipeline.sandbox.request import Request
from pipeline.sandbox.storage import PATH

_GATEWAY_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"


class Desk:
    """The API of one dialect without its sockets: a request in, an answer out."""

    def __init__(self, dialect: Dialect, limit: RateLimit, newcomer: Callable[[], Export]) -> None:
        self._dialect, self._limit, self._newcomer = dialect, limit, newcomer
        self._faults, self._account, self._storage = dialect.faults, dialect.account, dialect.storage
        self._hidden: set[str] = set()

    def answer(self, request: Request) -> Answer:
        """The answer to one request; refusals are answers too."""
        try:
            if request.path.startswith(PATH):
                return self._fetched(request)
            return self._spoken(request)
        except RefusalError as refused:
            return refused.answer

    def _fetched(self, request: Request) -> Answer:
        pointer = self._storage.pointer(request)
        export = pointer.export if pointer else None
        spoilt = self._spoilt(Operation.DOWNLOAD, export)
        return spoilt or self._unless_lost(self._storage.answer(request), Operation.DOWNLOAD, export)

    def _spoken(self, request: Request) -> Answer:
        if not self._dialect.lets_in(request):
            raise self._dialect.refused(401, "The key is missing or wrong.")
        if not self._limit.allows():
            return self._dialect.too_many(None)
        route = self._dialect.route(request)
        if route is None:
            raise self._dialect.refused(404, f"There is no {request.method} {request.path}.")
        export = self._named(route)
        if spoilt := self._spoilt(route.operation, export):
            return spoilt
        return self._unless_lost(self._handled(request, route, export), route.operation, export)

    def _handled(self, request: Request, route: Route, export: Export | None) -> Answer:
        if route.operation is Operation.LIST:
            return self._list(request)
        if route.operation is Operation.CREATE:
            return self._create(request)
        if export is None:
            raise self._dialect.refused(404, f"There is no export {route.name}.")
        if route.operation is Operation.UPDATE:
            return self._dialect.update(request, export)
        shown = self._dialect.shown(request, export, route.operation)
        if route.operation is Operation.SHOW:
            return self._dialect.single(200, shown, request)
        return self._redirected(request, export)

    def _redirected(self, request: Request, export: Export) -> Answer:
        status = self._dialect.status(export, Operation.DOWNLOAD)
        pointer = self._dialect.pointer(request, export, status, Operation.DOWNLOAD)
        if pointer is None:
            raise self._dialect.refused(404, f"Export {export.id} has no file.")
        return Answer(302, {"Location": pointer})

    def _create(self, request: Request) -> Answer:
        if self._faults.take((Fault.BUSY,), Operation.CREATE):
            return self._dialect.busy()
        try:
            body = json.loads(request.body)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise self._dialect.refused(400, "The body is no JSON object.")
        draft = self._dialect.draft(body, request.path)
        export = self._account.create(self._dialect.identify(uuid.uuid4()), draft)
        return self._dialect.single(201, self._dialect.shown(request, export, Operation.CREATE), request)

    def _list(self, request: Request) -> Answer:
        if self._dialect.is_later_page(request):
            self._shift()
        else:
            self._hidden = {export.id for export in self._account.all() if self._is_hidden(export)}
        exports = [export for export in self._account.all() if export.id not in self._hidden]
        endless = self._faults.take((Fault.ENDLESS_NEXT,), Operation.LIST) is not None
        answer = self._dialect.page(request, exports, endless=endless)
        if self._faults.take((Fault.INVALID_JSON,), Operation.LIST) and isinstance(answer.body, bytes):
            answer.body = answer.body[: len(answer.body) // 2]
        return answer

    def _is_hidden(self, export: Export) -> bool:
        kinds = (Fault.LATE, Fault.VANISHED)
        return not export.foreign and self._faults.take(kinds, Operation.LIST, export) is not None

    def _shift(self) -> None:
        if self._faults.take((Fault.LIST_GROWS,), Operation.LIST):
            self._newcomer()
        if self._faults.take((Fault.LIST_SHRINKS,), Operation.LIST):
            self._account.remove([export for export in self._account.all() if export.foreign][-1])

    def _named(self, route: Route) -> Export | None:
        export = self._account.find(route.name)
        if export and not export.foreign and self._faults.take((Fault.VANISHED,), route.operation, export):
            return None
        return export

    def _spoilt(self, operation: Operation, export: Export | None) -> Answer | None:
        injection = self._faults.take(REQUEST_FAULTS, operation, export)
        if injection is None:
            return None
        if injection.kind is Fault.DROPPED:
            return Answer(0, wire=Wire.NOTHING)
        if injection.kind is Fault.BAD_GATEWAY:
            return Answer(int(injection.text("502")), {"Content-Type": "text/html"}, _GATEWAY_PAGE)
        return self._dialect.too_many(injection.value)

    def _unless_lost(self, answer: Answer, operation: Operation, export: Export | None) -> Answer:
        if self._faults.take((Fault.UNANSWERED,), operation, export):
            answer.wire = Wire.NOTHING
        return answer
