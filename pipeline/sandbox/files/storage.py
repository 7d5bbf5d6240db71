"""Serve files at signed addresses that expire, on another host name than the API's, and refuse a key."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

from pipeline.sandbox.account import Export
from pipeline.sandbox.faults import Fault, Faults
from pipeline.sandbox.files.downloads import File, Files, instead, misshapen, ranged, spoilt
from pipeline.sandbox.files.sheet import Sheet
from pipeline.sandbox.request import Request
from pipeline.sandbox.responses import Response
from pipeline.sandbox.server import KEY_HEADERS

PATH = "/storage/"
_ELSEWHERE = {"127.0.0.1": "localhost", "localhost": "127.0.0.1"}
_REFUSAL = "<Error><Code>{code}</Code><Message>{message}</Message></Error>"


@dataclass(frozen=True)
class Pointer:
    """What a signed address leads to: the file of an export, until it expires."""

    export: Export
    sheet: Sheet
    columns: tuple[str, ...]
    expires_at: datetime | None


class Storage:
    """The files of a local vendor, each written when it is first fetched.

    Args:
        folder: Where the files are written.
        faults: The faults to inject.
        now: Returns the vendor's time.
        lives: How long an address is valid; None for no limit.
    """

    def __init__(self, folder: Path, faults: Faults, now: Callable[[], datetime], lives: timedelta | None) -> None:
        self._faults, self._now, self._lives = faults, now, lives
        self._pointers: dict[str, Pointer] = {}
        self._files = Files(folder)

    def signed_url(self, request: Request, export: Export, sheet: Sheet) -> str:
        """Return a new address of the export's file.

        Args:
            request: Names the host and port that the client uses.
            export: The export.
            sheet: The format of the file.
        """
        host, colon, port = request.headers.get("host", "localhost").partition(":")
        signature = secrets.token_hex(16)
        expires_at = self._now() + self._lives if self._lives else None
        self._pointers[signature] = Pointer(export, sheet, export.draft.columns, expires_at)
        return f"http://{_ELSEWHERE.get(host, host)}{colon}{port}{PATH}{export.id}{sheet.suffix}?sig={signature}"

    def pointer(self, request: Request) -> Pointer | None:
        """Return what the address of a request leads to, expired or not; None for an unknown one."""
        return self._pointers.get(dict(request.parameters).get("sig", ""))

    def answer(self, request: Request) -> Response:
        """Return the file, limited by the request's Range and changed by faults."""
        pointer = self.pointer(request)
        if KEY_HEADERS & request.headers.keys():
            return _refused(400, "InvalidArgument", "Only one auth mechanism allowed")
        if pointer is None:
            return _refused(403, "SignatureDoesNotMatch", "The signature does not match")
        if pointer.expires_at and self._now() >= pointer.expires_at:
            return _refused(403, "AccessDenied", "Request has expired")
        return instead(request, self._faults, pointer.export, _gone) or self._served(request, pointer)

    def _served(self, request: Request, pointer: Pointer) -> Response:
        export, sheet = pointer.export, pointer.sheet
        shape = misshapen(sheet.shape, self._faults, export, pointer.columns[-1])
        full = {
            "Content-Type": "application/octet-stream",
            "Last-Modified": format_datetime(export.created_at, usegmt=True),
            "Accept-Ranges": "bytes",
        }
        file = self._file(pointer, sheet.shaped(shape))
        answer = ranged(file, {**full, "ETag": file.etag}, request.headers)
        return spoilt(answer, self._faults, export)

    def _file(self, pointer: Pointer, sheet: Sheet) -> File:
        export = pointer.export
        key = (export.id, sheet.suffix, sheet.shape)
        return self._files.get(
            key, f"{export.id}{sheet.suffix}", lambda path: sheet.write(path, pointer.columns, export.rows)
        )


def _gone(kind: Fault) -> Response:
    if kind is Fault.FILE_GONE:
        return _refused(404, "NoSuchKey", "The specified key does not exist")
    return _refused(403, "AccessDenied", "Request has expired")


def _refused(status: int, code: str, message: str) -> Response:
    return Response(status, {"Content-Type": "application/xml"}, _REFUSAL.format(code=code, message=message).encode())
