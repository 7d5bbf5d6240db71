"""An answer that is no file has an end: a timeout for each byte alone lets one go on for days, and fill the memory."""

import time

from urllib3 import BaseHTTPResponse

from pipeline.errors import TransientError

LARGEST_BYTES = 64 << 20
"""A hundred times a page of any list."""

LONGEST_SECONDS = 300


class Bounded:
    """The body of an answer, decoded; reading it raises ``TransientError`` where it is too large or takes too long.

    Args:
        raw: The body as it comes.
        what: The request that is answered, as the error says.
    """

    def __init__(self, raw: BaseHTTPResponse, what: str) -> None:
        self._raw = raw
        self._what = what
        self._left = LARGEST_BYTES
        self._ends_at = time.monotonic() + LONGEST_SECONDS

    def read(self, size: int) -> bytes:
        """The bytes that are there, ``size`` at most; empty at the end."""
        chunk = self._raw.read1(size, decode_content=True)  # ``read`` waits for all of them, however slowly they come
        self._left -= len(chunk)
        if self._left < 0 or time.monotonic() > self._ends_at:
            raise TransientError(
                f"{self._what} was answered with more than {LARGEST_BYTES >> 20} MiB, or for more than "
                f"{LONGEST_SECONDS} seconds; try again later."
            )
        return chunk

    def close(self) -> None:
        """End the connection, unless all was read."""
        self._raw.close()
