"""What a local vendor has to say about itself: how its requests, exports, pages, refusals and files look."""

import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any, ClassVar

from pipeline.sandbox.account import Account, Draft, Export, Stage
from pipeline.sandbox.faults import STATE_FAULTS, Fault, Faults, Operation
from pipeline.sandbox.files.sheet import Sheet
from pipeline.sandbox.files.storage import Storage
from pipeline.sandbox.request import Request
from pipeline.sandbox.responses import RefusalError, Response, document

Content = Mapping[str, Any]


@dataclass(frozen=True)
class Route:
    """What a request wants; ``name`` is the id of the export that it is about, if it is about one."""

    operation: Operation
    name: str = ""


class Dialect(ABC):
    """One vendor's way to speak, over what all have in common: an account, files in a storage, faults."""

    fields: ClassVar[Mapping[str, Mapping[str, str]]]
    """The resources that can be exported, and of each the kind of every field, as ``Records`` knows them."""

    words: ClassVar[Mapping[Stage, str]]
    """What the vendor calls each stage of an export's life."""

    kept: ClassVar[timedelta | None] = None
    """How long after its creation an export is gone; None for never."""

    pointer_lives: ClassVar[timedelta | None] = None
    """How long the address of a file is good for; None for ever."""

    api_key: str
    account: Account
    faults: Faults
    storage: Storage

    @abstractmethod
    def route(self, request: Request) -> Route | None:
        """What the request wants; None where the vendor has no such path, or not with this method.

        A ``DOWNLOAD`` is one that the API answers with a redirect to the storage; the storage's own do not come here.
        """

    @abstractmethod
    def is_authorized(self, request: Request) -> bool:
        """Whether the request carries the key."""

    @abstractmethod
    def draft(self, body: Content, path: str) -> Draft:
        """What a body that was POSTed to ``path`` asks for; raises ``RefusalError`` for what is not taken."""

    @abstractmethod
    def foreign_draft(self, rng: Random) -> Draft:
        """What somebody else in the same account asked for."""

    @abstractmethod
    def resource(self, request: Request, export: Export, status: str, operation: Operation) -> Content:
        """The export as the vendor shows it; ``pointer`` has the address of its file."""

    @abstractmethod
    def page(self, request: Request, exports: Sequence[Export], *, endless: bool) -> Response:
        """The page of the list that is asked for; ``exports`` come oldest first, ``shown`` makes resources of them.

        With ``endless`` it must name as the next page one that brings nothing new.
        """

    @abstractmethod
    def is_later_page(self, request: Request) -> bool:
        """Whether the request for a list is for a page after the first."""

    @abstractmethod
    def refused(self, status: int, reason: str, **more: object) -> RefusalError:
        """A refusal in the vendor's shape, to be raised."""

    @abstractmethod
    def sheet(self, export: Export) -> Sheet:
        """How the file of the export is made."""

    def identify(self, number: uuid.UUID) -> str:
        """An id that looks like the vendor's."""
        return str(number)

    def single(self, status: int, resource: Content, request: Request) -> Response:
        """One export, as the answer to a create or a show."""
        return document(status, resource)

    def too_many(self, value: str | float | None) -> Response:
        """429; ``value`` is what the vendor's header for that says, which is absent otherwise."""
        answer = self.refused(429, "Too many requests.").answer
        if value is not None:
            answer.headers["Retry-After"] = str(value)
        return answer

    def busy(self) -> Response:
        """How the vendor says that it takes no more exports for now."""
        return self.too_many(None)

    def update(self, request: Request, export: Export) -> Response:
        """Change or delete an export, where the vendor has that."""
        raise self.refused(405, f"{request.method} is not allowed.")

    def status(self, export: Export, operation: Operation) -> str:
        """The status as it is told, which a fault may bend; other people's exports are never struck."""
        injection = None if export.foreign else self.faults.take(STATE_FAULTS, operation, export)
        if operation is Operation.CREATE:
            # However fast the vendor is, what it has just taken in has to wait.
            return self.words[Stage.QUEUED]
        stage = export.stage(self.account.now())
        match injection.kind if injection else None:
            case Fault.UNKNOWN_STATUS if injection:
                return injection.text("archiving")
            case Fault.FAILED if injection:
                return injection.text(self.words[Stage.FAILED])
            case Fault.STUCK if stage is not Stage.QUEUED:
                return self.words[Stage.PROCESSING]
        return self.words[stage]

    def shown(self, request: Request, export: Export, operation: Operation) -> Content:
        """The resource, with the status that is told."""
        return self.resource(request, export, self.status(export, operation), operation)

    def pointer(self, request: Request, export: Export, status: str, operation: Operation) -> str | None:
        """A new address of the export's file; None unless it is done, and while a fault keeps it away."""
        if status != self.words[Stage.DONE]:
            return None
        if not export.foreign and self.faults.take((Fault.WITHOUT_URL,), operation, export):
            return None
        return self.storage.mint(request, export, self.sheet(export))
