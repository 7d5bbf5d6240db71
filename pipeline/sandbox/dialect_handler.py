"""Answer requests in a dialect: check the key and the rate, find the export, let the dialect write the response."""

import json
import uuid
from collections.abc import Callable
from functools import partial

from pipeline.sandbox.account import Export
from pipeline.sandbox.dialect import Dialect, Route
from pipeline.sandbox.faults import Fault, Operation
from pipeline.sandbox.files.storage import PATH
from pipeline.sandbox.handler import Handler
from pipeline.sandbox.rate_limit import RateLimit
from pipeline.sandbox.request import Request
from pipeline.sandbox.responses import Response


class DialectHandler(Handler[Export]):
    """The handler of one dialect and of its storage.

    Args:
        dialect: The API of the vendor.
        limit: The limit of requests.
        add_foreign: Adds an export of others to the account.
    """

    front = -1

    def __init__(self, dialect: Dialect, limit: RateLimit, add_foreign: Callable[[], Export]) -> None:
        super().__init__(dialect.faults, dialect.account, add_foreign)
        self._dialect, self._limit = dialect, limit
        self._account, self._storage = dialect.account, dialect.storage

    def respond(self, request: Request) -> Response:
        """Return the file at a signed address, or the response of the dialect."""
        if request.path.startswith(PATH):
            pointer = self._storage.pointer(request)
            export = pointer.export if pointer else None
            return self.faulted(Operation.DOWNLOAD, export, partial(self._storage.answer, request))
        if not self._dialect.is_authorized(request):
            raise self._dialect.refused(401, "The key is missing or wrong.")
        if not self._limit.allows():
            return self._dialect.too_many(None)
        route = self._dialect.route(request)
        if route is None:
            raise self._dialect.refused(404, f"There is no {request.method} {request.path}.")
        export = self.unless_vanished(route.operation, self._account.find(route.name))
        return self.faulted(route.operation, export, partial(self._handled, request, route, export))

    def too_many(self, operation: Operation, value: str | float | None) -> Response:
        """Return the 429 of the dialect."""
        return self._dialect.too_many(value)

    def _handled(self, request: Request, route: Route, export: Export | None) -> Response:
        if route.operation is Operation.LIST:
            exports = self.listed(later_page=self._dialect.is_later_page(request))
            return self.unless_cut(self._dialect.page(request, exports, endless=self.loops()))
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

    def _redirected(self, request: Request, export: Export) -> Response:
        status = self._dialect.status(export, Operation.DOWNLOAD)
        pointer = self._dialect.pointer(request, export, status, Operation.DOWNLOAD)
        if pointer is None:
            raise self._dialect.refused(404, f"Export {export.id} has no file.")
        return Response(302, {"Location": pointer})

    def _create(self, request: Request) -> Response:
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
