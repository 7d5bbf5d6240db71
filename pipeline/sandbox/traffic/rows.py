"""The records of a local vendor, made day by day from a seed, with values that break readers of CSV."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random

from pipeline.sandbox.traffic.rhythm import DAY_SECONDS, call_starts, chance

Value = datetime | int | Decimal | str | None
Row = Mapping[str, Value]

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
"""The time at which the account was opened; it has no earlier record."""

_LONGEST_LAG = timedelta(days=2)
_P_EMPTY = 0.1
_TEXTS = (
    "Zaažovač, s.r.o.",
    'The "Blue" Room',
    "Müller; Söhne",
    "first line\nsecond line",
    "a\r\nb",
    "0044 20 7946",
    "00123",
    "NA",
    "null",
    "東京支店",
    "O'Neill",
    "=1+1",
    " padded ",
    "trailing,",
    "🚚 on its way",
    "plain",
)


@dataclass(frozen=True)
class Truth:
    """What a correct load must equal to the last digit: rows, and the sum of each column of numbers."""

    rows: int
    sums: dict[str, Decimal]


@dataclass(frozen=True)
class Records:
    """All records of one resource.

    Args:
        seed: The same seed makes the same records.
        resource: The vendor's word for what is exported.
        fields: The kind of each cell: ``id``, ``text``, ``timestamp``, ``integer`` or ``money``. The first timestamp is
            the time at which a record was made; any other is up to two days later, or empty.
        per_day: The average number of records a day.
        added: Late records.
        made: The days that were made already.
    """

    seed: int
    resource: str
    fields: Mapping[str, str]
    per_day: int
    added: tuple[Row, ...] = ()
    made: dict[date, tuple[Row, ...]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def moment(self) -> str:
        """The field with the time at which a record was made."""
        return next(name for name, kind in self.fields.items() if kind == "timestamp")

    def between(self, start: datetime, end: datetime, window: str = "") -> Iterator[Row]:
        """Yield the records of a window, in the order in which they were made.

        Args:
            start: The first time of the window, with a zone.
            end: The first time after the window, with a zone.
            window: The field that must lie in the window; empty for the time at which a record was made.
        """
        window = window or self.moment
        day = max(start - _LONGEST_LAG, BEGAN).astimezone(UTC).date()
        while datetime.combine(day, time(), UTC) < end:
            if day not in self.made:
                self.made[day] = tuple(self._day(day))
            yield from _within(self.made[day], window, start, end)
            day += timedelta(days=1)
        yield from _within(self.added, window, start, end)

    def truth(self, rows: Iterable[Row], columns: Iterable[str] = ()) -> Truth:
        """Return the number of rows and the exact sums of the numeric columns."""
        numbers = [n for n, kind in self.fields.items() if kind in ("integer", "money") and n in (columns or [n])]
        count, sums = 0, dict.fromkeys(numbers, Decimal(0))
        for row in rows:
            count += 1
            for name in numbers:
                value = row[name]
                sums[name] += value if isinstance(value, int | Decimal) else 0
        return Truth(count, sums)

    def _day(self, day: date) -> Iterator[Row]:
        rng = chance(self.seed, self.resource, day)
        midnight = datetime.combine(day, time(), UTC)
        for number, second in enumerate(call_starts(rng, day, self.per_day)):
            # the first and the last time of a month are where windows go wrong
            thousandths = {0: 0, DAY_SECONDS - 1: 999}.get(second, rng.randrange(1000))
            moment = midnight + timedelta(seconds=second, milliseconds=thousandths)
            yield {name: self._value(rng, name, kind, moment, number) for name, kind in self.fields.items()}

    def _value(self, rng: Random, name: str, kind: str, moment: datetime, number: int) -> Value:
        if kind == "id":
            return f"{self.resource}_{moment:%Y%m%d}{number:04d}{rng.getrandbits(32):08x}"
        if name == self.moment:
            return moment
        if rng.random() < _P_EMPTY:
            return "" if kind == "text" else None
        match kind:
            case "timestamp":
                return moment + timedelta(seconds=rng.randrange(int(_LONGEST_LAG.total_seconds())))
            case "integer":
                return rng.randrange(100_000)
            case "money":
                return Decimal(rng.randrange(-50_000_000, 500_000_000)).scaleb(-6)
            case _:
                return rng.choice(_TEXTS)


def _within(rows: Iterable[Row], window: str, start: datetime, end: datetime) -> Iterator[Row]:
    for row in rows:
        moment = row[window]
        if isinstance(moment, datetime) and start <= moment < end:
            yield row
