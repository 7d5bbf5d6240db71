"""Answer requests, and inject the faults that every local vendor has."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, Generic

from pipeline.sandbox.faults import REQUEST_FAULTS, Fault, Faults, Injection, Operation
from pipeline.sandbox.request import Request
from pipeline.sandbox.responses import RefusalError, Response, Wire
from pipeline.sandbox.store import E, Store

_GATEWAY_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"


class Handler(ABC, Generic[E]):
    """The API of one vendor without its sockets: a request in, a response out.

    Args:
        faults: The faults to inject.
        store: The exports.
        add_foreign: Adds an export of others to the store.
    """

    front: ClassVar[int]
    """The index, in the order of the store, of the export that is first in a list."""

    def __init__(self, faults: Faults, store: Store[E], add_foreign: Callable[[], object]) -> None:
        self._faults, self._exports, self._add_foreign = faults, store, add_foreign
        self._hidden: set[str] = set()

    @abstractmethod
    def respond(self, request: Request) -> Response:
        """Return the vendor's response; raise ``RefusalError`` to refuse."""

    @abstractmethod
    def too_many(self, operation: Operation, value: str | float | None) -> Response:
        """Return a 429; ``value`` is what the vendor's header for that says, and None leaves it out."""

    def answer(self, request: Request) -> Response:
        """Return the response to one request, which may be a refusal."""
        try:
            return self.respond(request)
        except RefusalError as refused:
            return refused.answer

    def faulted(self, operation: Operation, export: E | None, answer: Callable[[], Response]) -> Response:
        """Return the response of ``answer``, or that of a fault; another fault may lose it on its way.

        Args:
            operation: What the request wants.
            export: The export of the request; None without one.
            answer: Makes the response without faults.
        """
        if injection := self._faults.take(REQUEST_FAULTS, operation, export):
            return self._instead(operation, injection)
        given = answer()
        if self._faults.take((Fault.UNANSWERED,), operation, export):
            given.wire = Wire.NOTHING
        return given

    def unless_vanished(self, operation: Operation, export: E | None) -> E | None:
        """Return the export, unless a fault has removed it."""
        if export and not export.foreign and self._faults.take((Fault.VANISHED,), operation, export):
            return None
        return export

    def listed(self, *, later_page: bool) -> list[E]:
        """Return the exports of a list.

        Faults may hide exports from the first page on, and move them before a later page.
        """
        if later_page:
            self._shift()
        else:
            self._hidden = {export.id for export in self._exports.own() if self._is_hidden(export)}
        return [export for export in self._exports.all() if export.id not in self._hidden]

    def loops(self) -> bool:
        """Return whether the page must link to itself."""
        return self._faults.take((Fault.ENDLESS_NEXT,), Operation.LIST) is not None

    def unless_cut(self, page: Response) -> Response:
        """Return the page of a list, or half of it."""
        if self._faults.take((Fault.INVALID_JSON,), Operation.LIST) and isinstance(page.body, bytes):
            page.body = page.body[: len(page.body) // 2]
        return page

    def _instead(self, operation: Operation, injection: Injection) -> Response:
        if injection.kind is Fault.DROPPED:
            return Response(0, wire=Wire.NOTHING)
        if injection.kind is Fault.BAD_GATEWAY:
            return Response(int(injection.text("502")), {"Content-Type": "text/html"}, _GATEWAY_PAGE)
        return self.too_many(operation, injection.value)

    def _shift(self) -> None:
        if self._faults.take((Fault.LIST_GROWS,), Operation.LIST):
            self._add_foreign()
        if self._faults.take((Fault.LIST_SHRINKS,), Operation.LIST):
            self._exports.remove([export for export in self._exports.all() if export.foreign][self.front])

    def _is_hidden(self, export: E) -> bool:
        return self._faults.take((Fault.LATE, Fault.VANISHED), Operation.LIST, export) is not None
