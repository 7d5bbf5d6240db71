"""The two clocks of retention: one for what shows single calls or numbers, one for what only adds them up."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from pipeline.months import Month

_Kept = TypeVar("_Kept")

LARGEST_SKEW = timedelta(days=1)
LONGEST_SILENCE = timedelta(days=45)
"""Exports are made at least daily, so long after the newest one rather the clock is wrong."""


@dataclass(frozen=True)
class RetentionPolicy:
    """How many months after its end a month is kept, at number level and in sums; 0 keeps it for ever."""

    call_months: int = 0
    aggregate_months: int = 0

    def calls_expired(self, month: Month, now: datetime) -> bool:
        """Whether the calls of a month, and all else that shows a number, are not to be kept any more."""
        return _over(month, self.call_months, now)

    def aggregates_expired(self, month: Month, now: datetime) -> bool:
        """The same of what adds up calls."""
        return _over(month, self.aggregate_months, now)

    def unexpired(self, sums: Mapping[str, Mapping[str, _Kept]], now: datetime) -> dict[str, dict[str, _Kept]]:
        """Of what is kept of each table, by month, what may be kept still: what is due is shown no more."""
        return {
            table: {
                month: kept for month, kept in months.items() if not self.aggregates_expired(Month.parse(month), now)
            }
            for table, months in sums.items()
        }


def _over(month: Month, kept: int, now: datetime) -> bool:
    return kept > 0 and now >= month.shift(kept).end


def clock_doubt(now: datetime, newest: datetime | None, skew: timedelta | None) -> str:
    """Why this machine's clock is not believed enough to delete by it; empty where it is.

    ``newest`` is when the vendor made the newest export that is known, by its own clock, and ``skew`` by how much that
    clock is ahead of ours now; None where it could not be asked.
    """
    if skew is not None and abs(skew) > LARGEST_SKEW:
        return f"the vendor's clock is {abs(skew).days} days from this machine's, which says {now:%Y-%m-%d}"
    if skew is None and newest is not None and now - newest > LONGEST_SILENCE:
        return (
            f"this machine's clock says {now:%Y-%m-%d}, {(now - newest).days} days after the newest export, and no "
            "vendor could be asked"
        )
    return ""
