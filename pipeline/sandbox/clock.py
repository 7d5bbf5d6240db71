"""The clock of a local vendor: the computer's, or one that stands still until it is moved."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the time of the computer's clock."""
    return datetime.now(UTC)


class ManualClock:
    """Callable like ``datetime.now``, for ``Sandbox(clock=…)``: lifecycles and rollovers without waiting."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        """Return the time of this clock."""
        return self.at

    def advance(self, step: timedelta) -> None:
        """Move the clock by ``step``."""
        self.at += step
