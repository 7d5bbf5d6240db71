"""The times of calls, and their texts.

Everything is a function of seed, record type and day, so the days of a window can be made in any order.
"""

import calendar
import random
from datetime import date, timedelta
from functools import cache
from itertools import accumulate

DAY_SECONDS = 86_400

_HOURS_OF_WORK = (1, 1, 1, 1, 2, 3, 8, 20, 45, 60, 62, 58, 48, 55, 60, 58, 50, 38, 25, 18, 12, 8, 4, 2)
_HOURS_OF_REST = (2, 2, 1, 1, 1, 2, 4, 8, 14, 20, 24, 26, 26, 25, 24, 24, 22, 22, 20, 18, 14, 10, 6, 4)
_WEEK = (1.2, 1.25, 1.2, 1.2, 1.15, 0.55, 0.45)
_SATURDAY = 5


def chance(*seed: object) -> random.Random:
    """Return a random generator that depends on ``seed`` alone, in any process."""
    return random.Random("/".join(str(part) for part in seed))  # noqa: S311 - records, not secrets


def call_starts(rng: random.Random, day: date, mean: int) -> list[int]:
    """Return the seconds at which the calls of a day start, ascending.

    The first and the last second of a month always have a call.

    Args:
        rng: The source of chance.
        day: The day, in UTC.
        mean: The average number of calls a day.
    """
    if mean <= 0:
        return []
    count = max(1, round(mean * _WEEK[day.weekday()] * rng.uniform(0.9, 1.1)))
    weights = _HOURS_OF_WORK if day.weekday() < _SATURDAY else _HOURS_OF_REST
    hours = rng.choices(range(24), cum_weights=list(accumulate(weights)), k=count)
    draw = rng.random
    starts = sorted([hour * 3600 + int(draw() * 3600) for hour in hours])
    if day.day == 1:
        starts[0] = 0
    if day.day == calendar.monthrange(day.year, day.month)[1]:
        starts.append(DAY_SECONDS - 1)
    return starts


@cache
def _clock_texts() -> tuple[str, ...]:
    # A table instead of three formatted numbers per cell: times are half of the cost of a row.
    return tuple(
        f"{hour:02d}:{minute:02d}:{second:02d}" for hour in range(24) for minute in range(60) for second in range(60)
    )


class Moments:
    """The texts of the times of a day and of the next day."""

    def __init__(self, day: date) -> None:
        self._today = f"{day.isoformat()} "
        self._tomorrow = f"{(day + timedelta(days=1)).isoformat()} "
        self._clock = _clock_texts()

    def text(self, second: int) -> str:
        """Return the text ``YYYY-MM-DD HH:MM:SS`` of a second, counted from the start of the day."""
        if second < DAY_SECONDS:
            return self._today + self._clock[second]
        return self._tomorrow + self._clock[second - DAY_SECONDS]
