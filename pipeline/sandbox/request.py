"""A request as it came, and what it wants."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from pipeline.sandbox.faults import Operation

_COLLECTION = "/v3/exports"
_MINT = "/token"
_FILE_SUFFIX = ".csv.gz"
_ON_COLLECTION = {"GET": Operation.LIST, "HEAD": Operation.LIST, "POST": Operation.CREATE}
# PUT is PATCH under another name at the vendor too; there is no DELETE.
_ON_EXPORT = {
    "GET": Operation.SHOW,
    "HEAD": Operation.SHOW,
    "PATCH": Operation.UPDATE,
    "PUT": Operation.UPDATE,
}
_ON_FILE = {"GET": Operation.DOWNLOAD, "HEAD": Operation.DOWNLOAD}


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

    @property
    def name(self) -> str:
        """The export's id or the file's name; empty for the collection."""
        return self.path.removeprefix(_COLLECTION).removeprefix("/")

    @property
    def collection_url(self) -> str:
        """Where this client sees the exports: under the host and port that it used."""
        return f"{self.origin}{_COLLECTION}"

    @property
    def operation(self) -> Operation | None:
        """What is asked for; None where the vendor has no such path, or not with this method."""
        if self.path == _MINT:
            return Operation.MINT if self.method == "POST" else None
        if self.path == _COLLECTION:
            return _ON_COLLECTION.get(self.method)
        if not self.path.startswith(_COLLECTION + "/") or "/" in self.name or not self.name:
            return None
        methods = _ON_FILE if self.name.endswith(_FILE_SUFFIX) else _ON_EXPORT
        return methods.get(self.method)
