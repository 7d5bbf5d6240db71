"""Responses before they are bytes: JSON, files, refusals, and how they are sent."""

import hashlib
import json
import uuid
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path

JSON = "application/json"


class Wire(Enum):
    """How a response is sent; everything but ``WHOLE`` is a fault."""

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
class Response:
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


class RefusalError(Exception):
    """Raised to answer with a refusal in the vendor's format."""

    def __init__(self, answer: Response) -> None:
        super().__init__(answer.status)
        self.answer = answer


def document(status: int, content: object, media_type: str = JSON) -> Response:
    """Return a response with a JSON document and the headers that vendors send.

    Args:
        status: The HTTP status.
        content: What is sent as JSON.
        media_type: The media type.
    """
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
    headers = {
        "Content-Type": media_type,
        "ETag": f'W/"{digest}"',
        "Cache-Control": "max-age=0, private, must-revalidate",
        "X-Request-Id": str(uuid.uuid4()),
    }
    return Response(status, headers, body)
