"""Where every local vendor answers, and where faults strike what it has to say."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, Generic

from pipeline.sandbox.faults import REQUEST_FAULTS, Fault, Faults, Injection, Operation
from pipeline.sandbox.request import Request
from pipeline.sandbox.responses import RefusalError, Response, Wire
from pipeline.sandbox.store import E, Store

_GATEWAY_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"


class Handler(ABC, Generic[E]):
    """The API of one vendor without its sockets: a request in, an answer out.

    ``add_foreign`` puts one more export of somebody else on the shelf.
    """

    front: ClassVar[int]
    """Where in the shelf's order the export is that lists have in front."""

    def __init__(self, faults: Faults, store: Store[E], add_foreign: Callable[[], object]) -> None:
        self._faults, self._exports, self._add_foreign = faults, store, add_foreign
        self._hidden: set[str] = set()

    @abstractmethod
    def respond(self, request: Request) -> Response:
        """The vendor's answer; raises ``RefusalError``."""

    @abstractmethod
    def too_many(self, operation: Operation, value: str | float | None) -> Response:
        """429; ``value`` is what the vendor's header for that says, which is absent otherwise."""

    def answer(self, request: Request) -> Response:
        """The answer to one request; refusals are answers too."""
        try:
            return self.respond(request)
        except RefusalError as refused:
            return refused.answer

    def faulted(self, operation: Operation, export: E | None, answer: Callable[[], Response]) -> Response:
        """What a fault puts in the place of the answer, or the answer, which a fault may lose on its way."""
        if injection := self._faults.take(REQUEST_FAULTS, operation, export):
            return self._instead(operation, injection)
        given = answer()
        if self._faults.take((Fault.UNANSWERED,), operation, export):
            given.wire = Wire.NOTHING
        return given

    def unless_vanished(self, operation: Operation, export: E | None) -> E | None:
        """The export, unless it is gone before its time."""
        if export and not export.foreign and self._faults.take((Fault.VANISHED,), operation, export):
            return None
        return export

    def listed(self, *, later_page: bool) -> list[E]:
        """What there is to list; from the first page on without what is hidden, and shifting before a later one."""
        if later_page:
            self._shift()
        else:
            self._hidden = {export.id for export in self._exports.own() if self._is_hidden(export)}
        return [export for export in self._exports.all() if export.id not in self._hidden]

    def loops(self) -> bool:
        """Whether the page must lead to itself."""
        return self._faults.take((Fault.ENDLESS_NEXT,), Operation.LIST) is not None

    def unless_cut(self, page: Response) -> Response:
        """The page of a list, or half of it."""
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
