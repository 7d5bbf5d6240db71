"""A calendar month in UTC, half-open: the unit of requesting, loading and replacing.

The vendor filters on the start of a call in UTC. A call that starts at 23:59:59 on the 31st and ends in the next month
belongs to the month in which it starts.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import total_ordering

from pipeline.errors import PermanentError

_KEY = re.compile(r"([0-9]{4})-([0-9]{2})(?:-[0-9]{2})?")


@total_ordering
@dataclass(frozen=True)
class Month:
    """One calendar month in UTC: it includes ``start`` and excludes ``end``."""

    year: int
    number: int

    def __post_init__(self) -> None:
        if not (1 <= self.number <= 12 and 1 <= self.year <= 9998):
            raise PermanentError(f"{self.year}-{self.number} is not a month; write it like 2026-10.")

    @classmethod
    def parse(cls, text: str) -> "Month":
        """Read ``2026-10`` or ``2026-10-31``; raises ``PermanentError`` for anything else."""
        found = _KEY.fullmatch(text)
        if not found:
            raise PermanentError(f"{text!r} is not a month; write it like 2026-10 or 2026-10-31.")
        if len(text) > len("2026-10"):
            _parse_day(text)
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def of(cls, moment: datetime) -> "Month":
        """Return the month of ``moment``, which must be aware."""
        utc = moment.astimezone(UTC)
        return cls(utc.year, utc.month)

    @property
    def start(self) -> datetime:
        """The first moment of the month."""
        return datetime(self.year, self.number, 1, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """The first moment after the month."""
        return datetime(self.year + self.number // 12, self.number % 12 + 1, 1, tzinfo=UTC)

    def shift(self, months: int) -> "Month":
        """Return the month that is ``months`` later; earlier where negative."""
        index = self.year * 12 + self.number - 1 + months
        return Month(index // 12, index % 12 + 1)

    def holds(self, moment: datetime) -> bool:
        """Whether ``moment`` is in the month."""
        return self.start <= moment < self.end

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"

    def __lt__(self, other: "Month") -> bool:
        return (self.year, self.number) < (other.year, other.number)


def month_range(first: Month, last: Month) -> list[Month]:
    """Return every month from ``first`` to ``last``, both included; empty where ``last`` is earlier."""
    count = (last.year - first.year) * 12 + last.number - first.number + 1
    return [first.shift(step) for step in range(count)]


def _parse_day(text: str) -> None:
    try:
        datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise PermanentError(f"{text!r} is not a day; write it like 2026-10-31.") from error
