"""Limit the size and the time of a response that is no file: a timeout per byte alone allows days and gigabytes."""

import time

from urllib3 import BaseHTTPResponse

from pipeline.errors import TransientError

LARGEST_BYTES = 64 << 20
"""A hundred times a page of any list."""

LONGEST_SECONDS = 300


class BoundedBody:
    """The decoded body of a response; reading raises ``TransientError`` above the limits.

    Args:
        raw: The body as it arrives.
        what: The request that was answered, for the error.
    """

    def __init__(self, raw: BaseHTTPResponse, what: str) -> None:
        self._raw = raw
        self._what = what
        self._left = LARGEST_BYTES
        self._ends_at = time.monotonic() + LONGEST_SECONDS

    def read(self, size: int) -> bytes:
        """Return the bytes that have arrived, at most ``size``; empty at the end."""
        chunk = self._raw.read1(size, decode_content=True)  # ``read`` waits for all bytes, however slowly they come
        self._left -= len(chunk)
        if self._left < 0 or time.monotonic() > self._ends_at:
            raise TransientError(
                f"{self._what} was answered with more than {LARGEST_BYTES >> 20} MiB, or for more than "
                f"{LONGEST_SECONDS} seconds; try again later."
            )
        return chunk

    def close(self) -> None:
        """Close the connection, unless the body was read to its end."""
        self._raw.close()
