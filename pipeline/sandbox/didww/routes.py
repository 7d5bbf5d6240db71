"""The paths of DIDWW's API: the list, the exports, their files, and the tokens."""

from pipeline.sandbox.faults import Operation
from pipeline.sandbox.request import Request

BASE = "/v3"
_COLLECTION = f"{BASE}/exports"
ISSUE = "/token"
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


def operation(request: Request) -> Operation | None:
    """Return what the request wants; None where the vendor has no such path or method."""
    if request.path == ISSUE:
        return Operation.MINT if request.method == "POST" else None
    if request.path == _COLLECTION:
        return _ON_COLLECTION.get(request.method)
    found = name(request)
    if not request.path.startswith(_COLLECTION + "/") or "/" in found or not found:
        return None
    methods = _ON_FILE if found.endswith(_FILE_SUFFIX) else _ON_EXPORT
    return methods.get(request.method)


def name(request: Request) -> str:
    """Return the id of the export or the name of the file; empty for the list."""
    return request.path.removeprefix(_COLLECTION).removeprefix("/")


def collection_url(request: Request) -> str:
    """Return the address of the list, with the host and port that the client used."""
    return f"{request.origin}{_COLLECTION}"
