"""What each local vendor must define: the format of its requests, exports, pages, refusals and files."""

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
    """What a request wants; ``name`` is the id of its export, empty for none."""

    operation: Operation
    name: str = ""


class Dialect(ABC):
    """The API of one vendor, on top of an account, a storage of files, and faults."""

    fields: ClassVar[Mapping[str, Mapping[str, str]]]
    """The kind of each field, as ``Records`` knows it, by resource."""

    words: ClassVar[Mapping[Stage, str]]
    """The vendor's word for each stage of an export."""

    kept: ClassVar[timedelta | None] = None
    """How long an export is kept after its creation; None for no limit."""

    pointer_lives: ClassVar[timedelta | None] = None
    """How long the signed address of a file is valid; None for no limit."""

    api_key: str
    account: Account
    faults: Faults
    storage: Storage

    @abstractmethod
    def route(self, request: Request) -> Route | None:
        """Return what the request wants; None where the vendor has no such path or method.

        A ``DOWNLOAD`` is one that the API redirects to the storage. Requests to the storage do not come here.
        """

    @abstractmethod
    def is_authorized(self, request: Request) -> bool:
        """Return whether the request carries the key."""

    @abstractmethod
    def draft(self, body: Content, path: str) -> Draft:
        """Return what a body that was POSTed to ``path`` asks for; raise ``RefusalError`` for an invalid one."""

    @abstractmethod
    def foreign_draft(self, rng: Random) -> Draft:
        """Return a request of others in the same account."""

    @abstractmethod
    def resource(self, request: Request, export: Export, status: str, operation: Operation) -> Content:
        """Return the export as the vendor shows it; ``pointer`` makes the address of its file.

        Args:
            request: Names the host of addresses.
            export: The export.
            status: The status to show.
            operation: What the request wants.
        """

    @abstractmethod
    def page(self, request: Request, exports: Sequence[Export], *, endless: bool) -> Response:
        """Return a page of the list.

        Args:
            request: Names the page.
            exports: The exports of the list, oldest first; ``shown`` makes resources of them.
            endless: Whether the next page that it names must bring nothing new.
        """

    @abstractmethod
    def is_later_page(self, request: Request) -> bool:
        """Return whether the request is for a page after the first."""

    @abstractmethod
    def refused(self, status: int, reason: str, **more: object) -> RefusalError:
        """Return a refusal in the vendor's format, to be raised."""

    @abstractmethod
    def sheet(self, export: Export) -> Sheet:
        """Return the format of the export's file."""

    def identify(self, number: uuid.UUID) -> str:
        """Return an id in the vendor's format."""
        return str(number)

    def single(self, status: int, resource: Content, request: Request) -> Response:
        """Return the response to a create or a show.

        Args:
            status: The HTTP status.
            resource: The export as the vendor shows it.
            request: The request.
        """
        return document(status, resource)

    def too_many(self, value: str | float | None) -> Response:
        """Return a 429; ``value`` is what the vendor's header for that says, and None leaves it out."""
        answer = self.refused(429, "Too many requests.").answer
        if value is not None:
            answer.headers["Retry-After"] = str(value)
        return answer

    def busy(self) -> Response:
        """Return how the vendor says that it takes no more exports for now."""
        return self.too_many(None)

    def update(self, request: Request, export: Export) -> Response:
        """Change or delete an export, where the vendor can do that."""
        raise self.refused(405, f"{request.method} is not allowed.")

    def status(self, export: Export, operation: Operation) -> str:
        """Return the status to show; a fault may change it, unless the export is foreign."""
        injection = None if export.foreign else self.faults.take(STATE_FAULTS, operation, export)
        if operation is Operation.CREATE:
            # However fast the vendor is, a new export waits first.
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
        """Return the resource with its status.

        Args:
            request: The request.
            export: The export.
            operation: What the request wants, for faults.
        """
        return self.resource(request, export, self.status(export, operation), operation)

    def pointer(self, request: Request, export: Export, status: str, operation: Operation) -> str | None:
        """Return a new address of the export's file; None until it is done, or while a fault withholds it.

        Args:
            request: Names the host and port that the client uses.
            export: The export.
            status: The status that is shown.
            operation: What the request wants, for faults.
        """
        if status != self.words[Stage.DONE]:
            return None
        if not export.foreign and self.faults.take((Fault.WITHOUT_URL,), operation, export):
            return None
        return self.storage.signed_url(request, export, self.sheet(export))
