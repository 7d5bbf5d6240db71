"""Refuse requests above a rate."""

import threading
import time
from collections import deque


class RateLimit:
    """A limit of requests in any second, by the computer's clock and not the vendor's."""

    def __init__(self, per_second: int | None) -> None:
        self._per_second = per_second
        self._recent: deque[float] = deque()
        self._lock = threading.Lock()

    def allows(self) -> bool:
        """Return whether one more request is within the limit, and count it."""
        if self._per_second is None:
            return True
        now = time.monotonic()
        with self._lock:
            while self._recent and now - self._recent[0] >= 1:
                self._recent.popleft()
            if len(self._recent) >= self._per_second:
                return False
            self._recent.append(now)
            return True
