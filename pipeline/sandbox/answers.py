"""What goes back to the client, before it is bytes: JSON:API documents, errors in the vendor's words, files."""

import hashlib
import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path

MEDIA_TYPE = "application/vnd.api+json"


class Wire(Enum):
    """How an answer travels; everything but ``WHOLE`` is a fault."""

    WHOLE = auto()
    CUT = auto()
    """Half of the body under a Content-Length for all of it."""
    CUT_UNSIZED = auto()
    """Half of the body without any length: the client cannot know from HTTP."""
    CUT_CHUNKED = auto()
    """Half of the body in chunks, and no last chunk."""
    SLOW = auto()
    NOTHING = auto()
    """The connection closes instead."""


@dataclass(frozen=True)
class FilePart:
    """The bytes [start, stop) of a file."""

    path: Path
    start: int
    stop: int


@dataclass
class Answer:
    """A status, headers, and a body in memory or in a file."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | FilePart = b""
    wire: Wire = Wire.WHOLE
    pause: float = 0.0

    @property
    def size(self) -> int:
        """How many bytes the body has."""
        return self.body.stop - self.body.start if isinstance(self.body, FilePart) else len(self.body)


@dataclass
class ApiError(Exception):
    """One or more JSON:API errors with the same HTTP status; every member is text."""

    status: int
    errors: list[dict[str, object]]

    def answer(self) -> Answer:
        """The error document."""
        return document(self.status, {"errors": self.errors})


def document(status: int, content: object, media_type: str = MEDIA_TYPE) -> Answer:
    """A JSON document, by default of JSON:API, with the headers that vendors send along."""
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
    headers = {
        "Content-Type": media_type,
        "ETag": f'W/"{digest}"',
        "Cache-Control": "max-age=0, private, must-revalidate",
        "X-Request-Id": str(uuid.uuid4()),
    }
    return Answer(status, headers, body)


def problem(status: int, title: str, detail: str, code: str) -> ApiError:
    """An error that points at nothing in the request's body."""
    error: dict[str, object] = {"title": title, "detail": detail, "code": code, "status": str(status)}
    return ApiError(status, [error])


def invalid(complaints: Iterable[tuple[str, str]]) -> ApiError:
    """422 for (attribute, message) pairs: ``filters`` is pointed at as a whole, whatever key is wrong."""
    errors: list[dict[str, object]] = [
        {
            "title": message,
            "detail": f"{attribute} - {message}",
            "code": "100",
            "source": {"pointer": f"/data/attributes/{attribute}"},
            "status": "422",
        }
        for attribute, message in complaints
    ]
    return ApiError(422, errors)


def unauthorized() -> ApiError:
    """No key, or a wrong one."""
    return problem(401, "Unauthorized", "Authorization failed", "401")


def not_found(identifier: str) -> ApiError:
    """No such record, or not any more."""
    detail = f"The record identified by {identifier} could not be found."
    return problem(404, "Record not found", detail, "404")


def not_allowed(name: str, what: str = "Param", code: str = "105") -> ApiError:
    """A member, parameter or filter that the API does not take."""
    return problem(400, f"{what} not allowed", f"{name} is not allowed.", code)


def missing(name: str) -> ApiError:
    """A member that must be there."""
    return problem(400, "Missing Parameter", f"The required parameter, {name}, is missing.", "106")


def too_many_requests() -> Answer:
    """The rate limit's own shape: neither title nor code."""
    return document(429, {"errors": [{"status": "429", "detail": "Too Many Requests"}]})
