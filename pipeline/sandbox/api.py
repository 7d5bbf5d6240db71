"""The exports API without its sockets: a request in, an answer out."""

from collections.abc import Callable
from urllib.parse import urlsplit

from pipeline.sandbox import validation
from pipeline.sandbox.answers import (
    API_VERSION,
    Answer,
    ApiError,
    Wire,
    document,
    not_found,
    problem,
    too_many_requests,
    unauthorized,
)
from pipeline.sandbox.downloads import Downloads, html_page
from pipeline.sandbox.exports import COMPLETED, Export, ExportStore
from pipeline.sandbox.faults import FILE_FAULTS, REQUEST_FAULTS, Fault, Faults, Operation
from pipeline.sandbox.listing import read_fields, read_query
from pipeline.sandbox.rate_limit import RateLimit
from pipeline.sandbox.request import Request
from pipeline.sandbox.resource import Resources

_GATEWAY_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"


class Api:
    """Checks the key and the rate, lets faults strike, and answers."""

    def __init__(
        self,
        store: ExportStore,
        downloads: Downloads,
        faults: Faults,
        *,
        api_key: str,
        limit: RateLimit,
        newcomer: Callable[[], Export],
    ) -> None:
        self._store = store
        self._downloads = downloads
        self._faults = faults
        self._resources = Resources(store, faults)
        self._api_key = api_key
        self._limit = limit
        self._newcomer = newcomer

    def answer(self, request: Request) -> Answer:
        """The answer to one request; errors are answers too."""
        operation = request.operation
        if request.headers.get("api-key") != self._api_key:
            return Answer(401) if operation is Operation.DOWNLOAD else unauthorized().answer()
        if not self._limit.allows():
            return too_many_requests()
        try:
            return self._routed(request, operation)
        except ApiError as error:
            return error.answer()

    def _routed(self, request: Request, operation: Operation | None) -> Answer:
        if operation is None:
            raise problem(404, "Not found", f"No route matches {request.method} {request.path}.", "404")
        export = self._named(request, operation)
        if spoilt := self._spoilt(operation, export):
            return spoilt
        if operation is Operation.DOWNLOAD:
            answer = self._download(request, export)
        else:
            answer = self._json(request, operation, export)
        if self._faults.take((Fault.UNANSWERED,), operation, export):
            answer.wire = Wire.NOTHING
        return answer

    def _named(self, request: Request, operation: Operation) -> Export | None:
        if operation is Operation.DOWNLOAD:
            return self._store.find_file(request.name)
        return self._store.find(request.name)

    def _spoilt(self, operation: Operation, export: Export | None) -> Answer | None:
        injection = self._faults.take(REQUEST_FAULTS, operation, export)
        if injection is None:
            return None
        if injection.kind is Fault.DROPPED:
            return Answer(0, wire=Wire.NOTHING)
        if injection.kind is Fault.BAD_GATEWAY:
            return Answer(int(injection.text("502")), {"Content-Type": "text/html"}, _GATEWAY_PAGE)
        answer = too_many_requests()
        if injection.value is not None:
            answer.headers["Retry-After"] = str(injection.value)
        return answer

    def _json(self, request: Request, operation: Operation, export: Export | None) -> Answer:
        validation.check_accept(request.headers.get("accept", ""))
        if operation in (Operation.CREATE, Operation.UPDATE):
            validation.check_content_type(request.headers.get("content-type", ""))
        if operation is Operation.LIST:
            return self._list(request)
        fields = read_fields(request.parameters)
        if operation is Operation.CREATE:
            export = self._store.create(validation.read_create(request.body, self._store.now()))
        if export is None:
            raise not_found(request.name)
        if operation is Operation.UPDATE:
            changes = validation.read_update(request.body, export.id)
            export.external_reference_id = changes.get("external_reference_id", export.external_reference_id)
        data = self._resources.resource(request, export, operation, fields)
        status = 201 if operation is Operation.CREATE else 200
        return document(status, {"data": data, "meta": {"api_version": API_VERSION}})

    def _list(self, request: Request) -> Answer:
        query = read_query(request.parameters)
        self._shift(query.number)
        now = self._store.now()
        page = query.page(self._store.all(), lambda export: export.status(now), request.collection_url)
        if self._faults.take((Fault.ENDLESS_NEXT,), Operation.LIST):
            page.links["next"] = f"{request.collection_url}?{urlsplit(request.target).query}"
        data = [self._resources.resource(request, export, Operation.LIST, query.fields) for export in page.exports]
        meta = {"total_records": page.total, "api_version": API_VERSION}
        answer = document(200, {"data": data, "meta": meta, "links": page.links})
        if self._faults.take((Fault.INVALID_JSON,), Operation.LIST) and isinstance(answer.body, bytes):
            answer.body = answer.body[: len(answer.body) // 2]
        return answer

    def _shift(self, number: int) -> None:
        if number == 1:
            return
        if self._faults.take((Fault.LIST_GROWS,), Operation.LIST):
            self._store.add(self._newcomer())
        if self._faults.take((Fault.LIST_SHRINKS,), Operation.LIST):
            self._store.remove(next(export for export in self._store.all() if export.foreign))

    def _download(self, request: Request, export: Export | None) -> Answer:
        if export is None or self._resources.status(export, Operation.DOWNLOAD) != COMPLETED:
            return Answer(404)
        injection = self._faults.take(FILE_FAULTS, Operation.DOWNLOAD, export)
        if injection is None:
            return self._downloads.answer(export, request.headers)
        if injection.kind is Fault.HTML_PAGE:
            return html_page()
        if injection.kind is Fault.FILE_GONE:
            return Answer(404)
        port = urlsplit(request.collection_url).port
        return Answer(302, {"Location": injection.text(f"http://localhost:{port}{request.target}")})
