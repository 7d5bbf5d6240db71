"""How many requests a second are too many."""

import threading
import time
from collections import deque


class RateLimit:
    """So many requests in any second, counted by the computer's clock, whatever time the vendor has."""

    def __init__(self, per_second: int | None) -> None:
        self._per_second = per_second
        self._recent: deque[float] = deque()
        self._lock = threading.Lock()

    def allows(self) -> bool:
        """Whether one more request is within the limit; it then counts."""
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
