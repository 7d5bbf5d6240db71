"""A request as it arrived."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Request:
    """Method, target, headers by lower-case name, and the body."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The path without its query."""
        return urlsplit(self.target).path

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """The query, decoded, in its order."""
        return parse_qsl(urlsplit(self.target).query, keep_blank_values=True)

    @property
    def origin(self) -> str:
        """Where this client sees the vendor: the host and port that it used."""
        return f"http://{self.headers.get('host', 'localhost')}"
