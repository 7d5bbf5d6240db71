"""Ask no faster than the vendor allows one key, counted over every process of one user of this machine."""

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


class RateLimiter:
    """Hands out moments to send at, ``per_second`` apart, to everyone who names the same ``key``.

    Each user has a file of their own, because no one may open another's in a shared folder.
    """

    def __init__(self, key: str, per_second: float = REQUESTS_PER_SECOND, folder: Path | None = None) -> None:
        name = hashlib.sha256(key.encode()).hexdigest()[:16]
        self._file = (folder or Path(tempfile.gettempdir())) / f"cdr-pace-{os.getuid()}-{name}"
        self._gap = 1 / per_second

    def wait(self, clock: Callable[[], float] = time.time, sleep: Callable[[float], None] = time.sleep) -> None:
        """Return when it is this caller's turn."""
        with writing("The rate limit of requests", self._file.parent), FileLock(self._file.with_suffix(".lock")):
            now = clock()
            turn = max(now, min(self._next(), now + 60))  # a clock that was set back must not stop everyone
            self._file.write_text(repr(turn + self._gap), encoding="ascii")
        if turn > now:
            sleep(turn - now)

    def _next(self) -> float:
        try:
            return float(self._file.read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            return 0.0


class RateLimitedAdapter(HTTPAdapter):
    """Sends each request when its turn has come."""

    def __init__(self, limiter: RateLimiter, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._limiter = limiter

    def send(self, request: requests.PreparedRequest, *rest: Any, **arguments: Any) -> requests.Response:
        """Wait, then send."""
        self._limiter.wait()
        return super().send(request, *rest, **arguments)
