"""How long months are kept: single calls and numbers for one time, aggregates for another."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from pipeline.months import Month

_Kept = TypeVar("_Kept")

LARGEST_SKEW = timedelta(days=1)
LONGEST_SILENCE = timedelta(days=45)
"""Exports are made at least daily. If the newest one seems older than this, the clock is probably wrong."""


@dataclass(frozen=True)
class RetentionPolicy:
    """For how many months after its end a month is kept: its calls and numbers, and its aggregates. 0 means always."""

    call_months: int = 0
    aggregate_months: int = 0

    def calls_expired(self, month: Month, now: datetime) -> bool:
        """Whether the calls of a month, and everything that shows a number, must be deleted by ``now``."""
        return _over(month, self.call_months, now)

    def aggregates_expired(self, month: Month, now: datetime) -> bool:
        """Whether the aggregates of a month must be deleted by ``now``."""
        return _over(month, self.aggregate_months, now)

    def unexpired(self, aggregates: Mapping[str, Mapping[str, _Kept]], now: datetime) -> dict[str, dict[str, _Kept]]:
        """Return the aggregates that have not expired, by table and month."""
        return {
            table: {
                month: kept for month, kept in months.items() if not self.aggregates_expired(Month.parse(month), now)
            }
            for table, months in aggregates.items()
        }


def _over(month: Month, kept: int, now: datetime) -> bool:
    return kept > 0 and now >= month.shift(kept).end


def clock_doubt(now: datetime, newest: datetime | None, skew: timedelta | None) -> str:
    """Return why this machine's clock may be wrong, so that nothing must be deleted; empty where it seems right.

    Args:
        now: The time by this machine's clock, aware.
        newest: When the vendor created the newest known export, by the vendor's clock.
        skew: How far the vendor's clock is ahead of this machine's; None where no vendor answered.
    """
    if skew is not None and abs(skew) > LARGEST_SKEW:
        return f"the vendor's clock is {abs(skew).days} days from this machine's, which says {now:%Y-%m-%d}"
    if skew is None and newest is not None and now - newest > LONGEST_SILENCE:
        return (
            f"this machine's clock says {now:%Y-%m-%d}, {(now - newest).days} days after the newest export, and no "
            "vendor could be reached"
        )
    return ""
