"""A clock that stands still until it is moved: lifecycles and rollovers without waiting."""

from datetime import datetime, timedelta


class ManualClock:
    """Callable like ``datetime.now``, for ``Sandbox(clock=…)``."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        """The moment it shows."""
        return self.at

    def advance(self, step: timedelta) -> None:
        """Move it by ``step``."""
        self.at += step
