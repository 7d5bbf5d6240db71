"""The two clocks of retention: one for what shows single calls or numbers, one for what only adds them up."""

from dataclasses import dataclass
from datetime import datetime

from pipeline.months import Month


@dataclass(frozen=True)
class Clocks:
    """How many months after its end a month is kept, at number level and in sums; 0 keeps it for ever."""

    numbers: int = 0
    aggregates: int = 0

    def calls_expired(self, month: Month, now: datetime) -> bool:
        """Whether the calls of a month, and all else that shows a number, are not to be kept any more."""
        return _over(month, self.numbers, now)

    def sums_expired(self, month: Month, now: datetime) -> bool:
        """The same of what adds up calls."""
        return _over(month, self.aggregates, now)


def _over(month: Month, kept: int, now: datetime) -> bool:
    return kept > 0 and now >= month.shift(kept).end
