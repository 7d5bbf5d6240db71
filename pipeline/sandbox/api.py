"""The exports API without its sockets: a request in, an answer out."""

from collections.abc import Callable
from urllib.parse import urlsplit

from pipeline.sandbox import tokens, validation
from pipeline.sandbox.answers import Answer, ApiError, Wire, document, not_found, problem, too_many_requests
from pipeline.sandbox.downloads import Downloads, html_page
from pipeline.sandbox.exports import COMPLETED, Export, ExportStore
from pipeline.sandbox.faults import FILE_FAULTS, REQUEST_FAULTS, Fault, Faults, Operation
from pipeline.sandbox.gate import Gate
from pipeline.sandbox.listing import read_fields, read_query
from pipeline.sandbox.rate_limit import RateLimit
from pipeline.sandbox.request import Request
from pipeline.sandbox.resource import Resources
from pipeline.sandbox.versions import Version

_GATEWAY_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"


class Api:
    """Checks who asks and the rate, lets faults strike, and answers in the version that is served."""

    def __init__(
        self,
        store: ExportStore,
        downloads: Downloads,
        faults: Faults,
        *,
        gate: Gate,
        limit: RateLimit,
        newcomer: Callable[[], Export],
    ) -> None:
        self._store = store
        self._downloads = downloads
        self._faults = faults
        self._resources = Resources(store, faults)
        self._gate = gate
        self._hidden: set[str] = set()
        self._limit = limit
        self._newcomer = newcomer

    def answer(self, request: Request) -> Answer:
        """The answer to one request; errors are answers too."""
        operation = request.operation
        if operation is Operation.MINT:
            spoilt = self._spoilt(operation, None)
            return spoilt or self._unless_lost(self._gate.tokens.answer(request), operation, None)
        version = self._gate.admit(request)
        if isinstance(version, Answer):
            return version
        if not self._limit.allows():
            return too_many_requests()
        try:
            return self._routed(request, operation, version)
        except ApiError as error:
            return error.answer()

    def _routed(self, request: Request, operation: Operation | None, version: Version) -> Answer:
        if operation is None or (operation is Operation.UPDATE and not version.updates):
            raise problem(404, "Not found", f"No route matches {request.method} {request.path}.", "404")
        export = self._named(request, operation)
        if spoilt := self._spoilt(operation, export):
            return spoilt
        if operation is Operation.DOWNLOAD:
            answer = self._download(request, export)
        else:
            answer = self._json(request, operation, export, version)
        return self._unless_lost(answer, operation, export)

    def _unless_lost(self, answer: Answer, operation: Operation, export: Export | None) -> Answer:
        if self._faults.take((Fault.UNANSWERED,), operation, export):
            answer.wire = Wire.NOTHING
        return answer

    def _named(self, request: Request, operation: Operation) -> Export | None:
        if operation is Operation.DOWNLOAD:
            export = self._store.find_file(request.name)
        else:
            export = self._store.find(request.name)
        if export and not export.foreign and self._faults.take((Fault.VANISHED,), operation, export):
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
        if operation is Operation.MINT:
            return tokens.too_many(injection.text("1"))
        answer = too_many_requests()
        if injection.value is not None:
            answer.headers["Retry-After"] = str(injection.value)
        return answer

    def _json(self, request: Request, operation: Operation, export: Export | None, version: Version) -> Answer:
        validation.check_accept(request.headers.get("accept", ""))
        if operation in (Operation.CREATE, Operation.UPDATE):
            validation.check_content_type(request.headers.get("content-type", ""))
        if operation is Operation.LIST:
            return self._list(request, version)
        fields = read_fields(request.parameters, version)
        if operation is Operation.CREATE:
            draft = validation.read_create(request.body, self._store.now(), version)
            export = self._store.create(draft, version.name)
        if export is None:
            raise not_found(request.name)
        if operation is Operation.UPDATE:
            changes = validation.read_update(request.body, export.id, version)
            export.external_reference_id = changes.get("external_reference_id", export.external_reference_id)
        data = self._resources.resource(request, export, operation, fields, version)
        status = 201 if operation is Operation.CREATE else 200
        return document(status, {"data": data, "meta": {"api_version": version.name}})

    def _list(self, request: Request, version: Version) -> Answer:
        query = read_query(request.parameters, version)
        self._shift(query.number)
        now = self._store.now()
        exports = [export for export in self._store.all() if export.id not in self._hidden]
        page = query.page(exports, lambda export: export.status(now), request.collection_url)
        if self._faults.take((Fault.ENDLESS_NEXT,), Operation.LIST):
            page.links["next"] = f"{request.collection_url}?{urlsplit(request.target).query}"
        shown = (self._resources.resource(request, e, Operation.LIST, query.fields, version) for e in page.exports)
        meta = {"total_records": page.total, "api_version": version.name}
        answer = document(200, {"data": list(shown), "meta": meta, **({"links": page.links} if version.linked else {})})
        if self._faults.take((Fault.INVALID_JSON,), Operation.LIST) and isinstance(answer.body, bytes):
            answer.body = answer.body[: len(answer.body) // 2]
        return answer

    def _shift(self, number: int) -> None:
        if number == 1:
            self._hidden = {export.id for export in self._store.own() if self._is_hidden(export)}
            return
        if self._faults.take((Fault.LIST_GROWS,), Operation.LIST):
            self._store.add(self._newcomer())
        if self._faults.take((Fault.LIST_SHRINKS,), Operation.LIST):
            self._store.remove(next(export for export in self._store.all() if export.foreign))

    def _is_hidden(self, export: Export) -> bool:
        return self._faults.take((Fault.LATE, Fault.VANISHED), Operation.LIST, export) is not None

    def _download(self, request: Request, export: Export | None) -> Answer:
        if export is None or self._resources.status(export, Operation.DOWNLOAD) != COMPLETED:
            return Answer(404)
        injection = self._faults.take(FILE_FAULTS, Operation.DOWNLOAD, export)
        if injection is None:
            return self._downloads.answer(export, request.headers)
        if injection.kind is Fault.HTML_PAGE:
            return html_page()
        if injection.kind in (Fault.FILE_GONE, Fault.POINTER_EXPIRED):
            return Answer(404 if injection.kind is Fault.FILE_GONE else 403)
        port = urlsplit(request.collection_url).port
        return Answer(302, {"Location": injection.text(f"http://localhost:{port}{request.target}")})
