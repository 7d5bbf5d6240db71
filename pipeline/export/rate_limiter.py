"""Send no more requests than a vendor allows one key, in all processes of one user on this machine."""

import hashlib
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
from filelock import FileLock
from requests.adapters import HTTPAdapter

from pipeline.errors import writing

REQUESTS_PER_SECOND = 10
"""DIDWW documents 20 in one place and 10 in another."""

_LONGEST_WAIT_SECONDS = 60
"""If the clock is set back, the time of the next request in the file lies far in the future."""


class RateLimiter:
    """Spaces requests evenly over time for all processes that use the same key.

    Each user has a file, because users cannot open each other's files in a shared folder.

    Args:
        key: What the limit counts for, such as an API key; only its hash is written.
        per_second: How many requests a second are allowed.
        folder: Where the file is kept; by default the folder for temporary files.
    """

    def __init__(self, key: str, per_second: float = REQUESTS_PER_SECOND, folder: Path | None = None) -> None:
        name = hashlib.sha256(key.encode()).hexdigest()[:16]
        self._file = (folder or Path(tempfile.gettempdir())) / f"cdr-pace-{os.getuid()}-{name}"
        self._interval = 1 / per_second

    def wait(self, clock: Callable[[], float] = time.time, sleep: Callable[[float], None] = time.sleep) -> None:
        """Wait until the next request may be sent."""
        with writing("The rate limit of requests", self._file.parent), FileLock(self._file.with_suffix(".lock")):
            now = clock()
            turn = max(now, min(self._next(), now + _LONGEST_WAIT_SECONDS))
            self._file.write_text(repr(turn + self._interval), encoding="ascii")
        if turn > now:
            sleep(turn - now)

    def _next(self) -> float:
        try:
            return float(self._file.read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            return 0.0


class RateLimitedAdapter(HTTPAdapter):
    """Sends each request when the rate limiter allows it."""

    def __init__(self, limiter: RateLimiter, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._limiter = limiter

    def send(self, request: requests.PreparedRequest, *rest: Any, **arguments: Any) -> requests.Response:
        """Wait, then send."""
        self._limiter.wait()
        return super().send(request, *rest, **arguments)
