"""The exports API: check the credentials and the rate, then answer in the version that is served."""

from collections.abc import Callable
from functools import partial
from urllib.parse import urlsplit

from pipeline.sandbox.didww import routes, tokens, validation
from pipeline.sandbox.didww.authenticator import Authenticator
from pipeline.sandbox.didww.downloads import Downloads
from pipeline.sandbox.didww.exports import COMPLETED, Export, ExportStore
from pipeline.sandbox.didww.listing import read_fields, read_query
from pipeline.sandbox.didww.problems import not_found, problem, resources, too_many_requests
from pipeline.sandbox.didww.resource import Resources
from pipeline.sandbox.didww.versions import Version
from pipeline.sandbox.faults import Faults, Operation
from pipeline.sandbox.handler import Handler
from pipeline.sandbox.rate_limit import RateLimit
from pipeline.sandbox.request import Request
from pipeline.sandbox.responses import Response


class Api(Handler[Export]):
    """The handler of DIDWW's API and token service.

    Args:
        store: The exports.
        downloads: The files.
        faults: The faults to inject.
        authenticator: Checks the credentials.
        limit: The limit of requests.
        add_foreign: Adds an export of others to the store.
    """

    front = 0

    def __init__(
        self,
        store: ExportStore,
        downloads: Downloads,
        faults: Faults,
        *,
        authenticator: Authenticator,
        limit: RateLimit,
        add_foreign: Callable[[], object],
    ) -> None:
        super().__init__(faults, store, add_foreign)
        self._store, self._downloads, self._authenticator, self._limit = store, downloads, authenticator, limit
        self._resources = Resources(store, faults)

    def respond(self, request: Request) -> Response:
        """Return a token, or the response of the API in the version that is served."""
        operation = routes.operation(request)
        if operation is Operation.MINT:
            return self.faulted(operation, None, partial(self._authenticator.tokens.answer, request))
        version = self._authenticator.authenticate(request)
        if not self._limit.allows():
            return too_many_requests()
        if operation is None or (operation is Operation.UPDATE and not version.updates):
            raise problem(404, "Not found", f"No route matches {request.method} {request.path}.", "404")
        find = self._store.find_file if operation is Operation.DOWNLOAD else self._store.find
        export = self.unless_vanished(operation, find(routes.name(request)))
        return self.faulted(operation, export, partial(self._handled, request, operation, export, version))

    def too_many(self, operation: Operation, value: str | float | None) -> Response:
        """Return a 429; only the token service says by default when to try again."""
        if operation is Operation.MINT:
            return tokens.too_many("1" if value is None else value)
        answer = too_many_requests()
        if value is not None:
            answer.headers["Retry-After"] = str(value)
        return answer

    def _handled(self, request: Request, operation: Operation, export: Export | None, version: Version) -> Response:
        if operation is Operation.DOWNLOAD:
            return self._download(request, export)
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
            raise not_found(routes.name(request))
        if operation is Operation.UPDATE:
            changes = validation.read_update(request.body, export.id, version)
            export.external_reference_id = changes.get("external_reference_id", export.external_reference_id)
        data = self._resources.resource(request, export, operation, fields, version)
        status = 201 if operation is Operation.CREATE else 200
        return resources(status, {"data": data, "meta": {"api_version": version.name}})

    def _list(self, request: Request, version: Version) -> Response:
        query, url = read_query(request.parameters, version), routes.collection_url(request)
        exports, now = self.listed(later_page=query.number > 1), self._store.now()
        page = query.page(exports, lambda export: export.status(now), url)
        if self.loops():
            page.links["next"] = f"{url}?{urlsplit(request.target).query}"
        shown = (self._resources.resource(request, e, Operation.LIST, query.fields, version) for e in page.exports)
        meta = {"total_records": page.total, "api_version": version.name}
        links = {"links": page.links} if version.linked else {}
        return self.unless_cut(resources(200, {"data": list(shown), "meta": meta, **links}))

    def _download(self, request: Request, export: Export | None) -> Response:
        if export is None or self._resources.status(export, Operation.DOWNLOAD) != COMPLETED:
            return Response(404)
        return self._downloads.answer(request, export)
