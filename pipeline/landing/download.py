"""Download a file: what is resumed is the rest of the same file, and no server holds a month for long."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

import requests
import urllib3

from pipeline.errors import PermanentError, TransientError

MAX_RESUMES = 5
"""How often one download is resumed or started again before the run is left to be repeated."""

_MOST_PIECES = 1000
"""In so many pieces a server may serve the rest of a file; a smaller one counts as a download that broke off."""

_CHUNK = 1 << 18
_GB = 1e9
_HOUR = 3600
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)", re.ASCII)

Open = Callable[[int, str], requests.Response]
"""Open the remote file from a byte offset, provided that it is still the one with the given ETag."""


@dataclass(frozen=True)
class Bounds:
    """What one download may take: bytes as served, bytes of text in them, and seconds.

    A connection that brings fewer than ``least_bytes`` in ``pace_seconds`` is ended, as if it had been cut.
    """

    file_bytes: float = 64 * _GB
    seconds: float = 6 * _HOUR
    text_bytes: int = 1 << 40
    least_bytes: int = 1 << 16
    pace_seconds: float = 120


class Download:
    """One file on its way into ``out``: its length and ETag, as the first answer told them."""

    def __init__(self, open_at: Open, out: IO[bytes], export_id: str, bounds: Bounds) -> None:
        self._open_at = open_at
        self._out = out
        self._export = export_id
        self._bounds = bounds
        self._ends_at = time.monotonic() + bounds.seconds
        self._written = 0
        self._length: int | None = None
        self._until: int | None = None  # where the piece that is being read must end
        self._etag = ""

    def run(self) -> bool:
        """Write the bytes as served; False where the server told in no way where they end."""
        attempts = 0
        while attempts <= MAX_RESUMES:
            before = self._written
            if (sized := self._attempt()) is not None:
                return sized
            attempts += not self._brought_a_piece(before)
        raise TransientError(f"The download of {self._export} broke off too often; try again later.")

    def _brought_a_piece(self, before: int) -> bool:
        """Whether an answer was a right piece of the rest, and so large that the pieces come to an end."""
        whole = self._until is not None and self._written == self._until
        return whole and (self._written - before) * _MOST_PIECES >= (self._length or 0)

    def _attempt(self) -> bool | None:
        """Send one request; None where the file is not whole after it."""
        try:
            response = self._open_at(self._written, self._etag)
        except TransientError:
            if not self._written:
                raise
            self._restart()  # the rest is refused; the whole may still be served
            return None
        with response:
            if not self._continues(response) and not self._begins(response):
                return None
            self._refuse_large(self._length or 0)
            ended = self._append(response)
        if self._length is None:
            return "Transfer-Encoding" in response.headers if ended else None
        if self._written > (self._until or self._length):
            self._restart()
        return True if self._written == self._length else None

    def _continues(self, response: requests.Response) -> bool:
        """Whether the answer is the rest of what is there: the same file, from the next byte."""
        if response.status_code != requests.codes.partial_content or not self._written:
            return False
        found = _range(response)
        if found is None or _strong_etag(response) != self._etag:
            return False
        start, last, length = found
        if start != self._written or not start <= last < length or self._length not in (None, length):
            return False
        self._length, self._until = length, last + 1
        return True

    def _begins(self, response: requests.Response) -> bool:
        """Whether the answer is the whole file; what is there of another is dropped."""
        self._restart()
        if response.status_code == requests.codes.partial_content:
            found = _range(response)
            if found is None or found[0] or found[1] + 1 != found[2]:
                return False  # a part that was not asked for
            self._etag, self._length = _strong_etag(response), found[2]
            return True
        if response.status_code != requests.codes.ok:
            raise TransientError(
                f"The file of export {self._export} was answered with HTTP {response.status_code}; try again later."
            )
        self._etag, self._length = _strong_etag(response), _length(response)
        return True

    def _restart(self) -> None:
        self._out.seek(0)
        self._out.truncate()
        self._written, self._length, self._until, self._etag = 0, None, None, ""

    def _append(self, response: requests.Response) -> bool:
        """Write the body as served; False where it broke off, or came too slowly.

        ``raw`` is read, because ``iter_content`` would gunzip the file where something on the way declared
        ``Content-Encoding: gzip``; and ``read1``, because ``read`` waits for a whole chunk, however slowly it comes.
        """
        since, before = time.monotonic(), self._written
        try:
            while chunk := response.raw.read1(_CHUNK, decode_content=False):
                self._out.write(chunk)
                self._written += len(chunk)
                self._refuse_large(self._written)
                now = self._refuse_late()
                if now - since >= self._bounds.pace_seconds:
                    if self._written - before < self._bounds.least_bytes:
                        return False
                    since, before = now, self._written
        except urllib3.exceptions.HTTPError:
            return False
        return True

    def _refuse_large(self, size: int) -> None:
        if size > self._bounds.file_bytes:
            raise PermanentError(
                f"The file of export {self._export} has more than {self._bounds.file_bytes / _GB:g} GB, so it was not "
                "kept; raise CDR_MAX_DOWNLOAD_GB if that is right."
            )

    def _refuse_late(self) -> float:
        """The time; raises ``TransientError`` where it is up."""
        if (now := time.monotonic()) > self._ends_at:
            raise TransientError(
                f"The download of {self._export} took more than {self._bounds.seconds / _HOUR:g} hours; try again "
                "later, or raise CDR_MAX_DOWNLOAD_HOURS."
            )
        return now


def _range(response: requests.Response) -> tuple[int, int, int] | None:
    """The first byte, the last byte and the length of the file that a part of it names; None where it names none."""
    found = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
    pieces = response.headers.get("Content-Type", "").lower().startswith("multipart/")
    if found is None or pieces:
        return None
    start, last, length = map(int, found.groups())
    return start, last, length


def _strong_etag(response: requests.Response) -> str:
    """The ETag, where it promises the same bytes: a weak one does not, and must not be sent with a range."""
    etag = response.headers.get("ETag", "").strip()
    return etag if etag.startswith('"') else ""


def _length(response: requests.Response) -> int | None:
    """How many bytes the whole answer has, where that is told; chunks tell it by their end."""
    told = response.headers.get("Content-Length", "").strip()
    return int(told) if told.isascii() and told.isdigit() and "Transfer-Encoding" not in response.headers else None
