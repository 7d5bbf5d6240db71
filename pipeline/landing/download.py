"""Download a file. Only the same file is resumed, and a slow server cannot hold a month for long."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

import requests
import urllib3

from pipeline.errors import PermanentError, TransientError

MAX_RESUMES = 5
"""How often one download is resumed or restarted before the run fails, to be retried later."""

_MOST_PIECES = 1000
"""The pieces in which a server may serve a file. A piece smaller than that share counts as a broken download."""

_CHUNK = 1 << 18
_GB = 1e9
_HOUR = 3600
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)", re.ASCII)

OpenAt = Callable[[int, str], requests.Response]
"""Opens the remote file from a byte offset, if its ETag is still the given one."""


@dataclass(frozen=True)
class Limits:
    """The limits of one download.

    Attributes:
        file_bytes: The most bytes as served.
        seconds: The longest time for the whole download.
        text_bytes: The most bytes of unpacked text.
        min_bytes: A connection that brings fewer bytes than this in ``window_seconds`` is closed.
        window_seconds: The time over which the speed is measured.
    """

    file_bytes: float = 64 * _GB
    seconds: float = 6 * _HOUR
    text_bytes: int = 1 << 40
    min_bytes: int = 1 << 16
    window_seconds: float = 120


class Download:
    """The download of one file into ``out``; the first response gives its length and ETag."""

    def __init__(self, open_at: OpenAt, out: IO[bytes], export_id: str, limits: Limits) -> None:
        self._open_at = open_at
        self._out = out
        self._export = export_id
        self._limits = limits
        self._ends_at = time.monotonic() + limits.seconds
        self._written = 0
        self._length: int | None = None
        self._until: int | None = None  # where the current piece must end
        self._etag = ""
        self._rest_refused = False  # once is enough: each request was repeated by itself

    def run(self) -> bool:
        """Write the bytes as served. Return False where the server gave no length."""
        attempts = 0
        while attempts <= MAX_RESUMES:
            before = self._written
            if (sized := self._attempt()) is not None:
                return sized
            attempts += not self._brought_a_piece(before)
        raise self._broke_off()

    def _broke_off(self) -> TransientError:
        return TransientError(f"The download of {self._export} broke off too often; try again later.")

    def _brought_a_piece(self, before: int) -> bool:
        """Whether the last response was a complete piece, and so large that the number of pieces is limited."""
        whole = self._until is not None and self._written == self._until
        return whole and (self._written - before) * _MOST_PIECES >= (self._length or 0)

    def _attempt(self) -> bool | None:
        """Send one request; return None where the file is still incomplete."""
        try:
            response = self._open_at(self._written, self._etag)
        except TransientError:
            if not self._written:
                raise
            if self._rest_refused:
                raise self._broke_off() from None
            self._rest_refused = True
            self._restart()  # the server refuses the rest, but may still serve the whole file
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
        """Whether the response continues the same file from the next byte."""
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
        """Whether the response is the whole file; bytes of an earlier response are dropped."""
        self._restart()
        if response.status_code == requests.codes.partial_content:
            found = _range(response)
            if found is None or found[0] or found[1] + 1 != found[2]:
                return False  # a part that was not requested
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
        """Write the body as served; return False where it broke off or was too slow.

        ``iter_content`` would decompress the file where a proxy declares ``Content-Encoding: gzip``, so ``raw`` is
        read. ``read`` waits for a whole chunk, however slow it is, so ``read1`` is used.
        """
        since, before = time.monotonic(), self._written
        try:
            while chunk := response.raw.read1(_CHUNK, decode_content=False):
                self._out.write(chunk)
                self._written += len(chunk)
                self._refuse_large(self._written)
                now = self._refuse_late()
                if now - since >= self._limits.window_seconds:
                    if self._written - before < self._limits.min_bytes:
                        return False
                    since, before = now, self._written
        except urllib3.exceptions.HTTPError:
            return False
        return True

    def _refuse_large(self, size: int) -> None:
        if size > self._limits.file_bytes:
            raise PermanentError(
                f"The file of export {self._export} has more than {self._limits.file_bytes / _GB:g} GB, so it was not "
                "kept; raise CDR_MAX_DOWNLOAD_GB if that is right."
            )

    def _refuse_late(self) -> float:
        """Return the time; raises ``TransientError`` where the download has taken too long."""
        if (now := time.monotonic()) > self._ends_at:
            raise TransientError(
                f"The download of {self._export} took more than {self._limits.seconds / _HOUR:g} hours; try again "
                "later, or raise CDR_MAX_DOWNLOAD_HOURS."
            )
        return now


def _range(response: requests.Response) -> tuple[int, int, int] | None:
    """Return the first byte, the last byte and the file length of a partial response; None where it has none."""
    found = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
    pieces = response.headers.get("Content-Type", "").lower().startswith("multipart/")
    if found is None or pieces:
        return None
    start, last, length = map(int, found.groups())
    return start, last, length


def _strong_etag(response: requests.Response) -> str:
    """Return the ETag if it is strong. A weak one does not promise the same bytes, and must not go with a range."""
    etag = response.headers.get("ETag", "").strip()
    return etag if etag.startswith('"') else ""


def _length(response: requests.Response) -> int | None:
    """Return the length of the whole body in bytes; None for a chunked body, or without a length."""
    told = response.headers.get("Content-Length", "").strip()
    return int(told) if told.isascii() and told.isdigit() and "Transfer-Encoding" not in response.headers else None
