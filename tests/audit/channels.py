"""Channels in use: channel_occupancy and lost_calls of staging, hourly_concurrency, peak_concurrency."""

import functools
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from tests.audit.books import Books, Row, grouped, hour_of, recomputes
from tests.audit.calls import span

HOUR = timedelta(hours=1)
Cell = tuple[str, datetime, str, str, str | None]


class Level(NamedTuple):
    """A level and the first second in which it was reached."""

    most: int
    at: datetime | None


@dataclass
class Hour:
    """What of calls falls into an hour of a scope."""

    talk: list[tuple[datetime, datetime]] = field(default_factory=list)
    held: list[tuple[datetime, datetime]] = field(default_factory=list)

    @staticmethod
    def seconds(pieces: list[tuple[datetime, datetime]]) -> int:
        return sum(int((end - start).total_seconds()) for start, end in pieces)


def peak(pieces: list[tuple[datetime, datetime]]) -> Level:
    """The highest level, ends netted with what begins in the same second."""
    changes: Counter[datetime] = Counter()
    for start, end in pieces:
        changes[start] += 1
        changes[end] -= 1
    level, best = 0, Level(0, None)
    for second in sorted(changes):
        level += changes[second]
        if level > best.most:
            best = Level(level, second)
    return best


@functools.cache
def _hours(books: "_Same") -> dict[Cell, Hour]:
    """Every hour of every scope in which a channel was held, a month after the call's own at most."""
    cells: dict[Cell, Hour] = defaultdict(Hour)
    loaded = {file.month for file in books.books.files}
    for call in books.books.calls:
        one = span(call)
        hour = hour_of(one.start)
        while hour < one.end and _months_apart(call.month, hour) <= 1:
            if f"{hour:%Y-%m}" in loaded:
                for scope, name in call.scopes():
                    cell = cells[f"{hour:%Y-%m}", hour, call.direction, scope, name]
                    _cut(cell.held, one.start, one.end, hour)
                    _cut(cell.talk, one.talk or one.end, one.end, hour)
            hour += HOUR
    return {key: cell for key, cell in cells.items() if cell.held}


def _months_apart(month: str, hour: datetime) -> int:
    year, number = map(int, month.split("-"))
    return hour.year * 12 + hour.month - year * 12 - number


def _cut(pieces: list[tuple[datetime, datetime]], start: datetime, end: datetime, hour: datetime) -> None:
    start, end = max(start, hour), min(end, hour + HOUR)
    if start < end:
        pieces.append((start, end))


class _Same:
    """Books by identity, so that what is made of them is made once."""

    def __init__(self, books: Books) -> None:
        self.books = books

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.books is self.books

    def __hash__(self) -> int:
        return id(self.books)


def lost(books: Books) -> Counter[Cell]:
    """Calls that found every channel in use, by the hour in which they began."""
    found: Counter[Cell] = Counter()
    for call in filter(books.is_lost, books.calls):
        for scope, name in call.scopes():
            found[call.month, hour_of(call.started), call.direction, scope, name] += 1
    return found


def _hours_with_lost(books: Books) -> dict[Cell, Hour]:
    """The hours of every scope, those in which calls were lost and none was in progress among them."""
    return {**dict.fromkeys(lost(books), Hour()), **_hours(_Same(books))}


def _levels(hour: Hour) -> Row:
    talk, held = peak(hour.talk), peak(hour.held)
    return {
        "peak_channels": talk.most,
        "peak_at": talk.at,
        "peak_held_channels": held.most,
        "peak_held_at": held.at,
        "talk_seconds": Hour.seconds(hour.talk),
        "held_seconds": Hour.seconds(hour.held),
    }


@recomputes("staging.lost_calls", "month hour direction scope name")
def lost_calls(books: Books) -> Iterator[Row]:
    names = ("month", "hour", "direction", "scope", "name")
    yield from (dict(zip(names, cell, strict=True)) | {"lost_calls": count} for cell, count in lost(books).items())


@recomputes("staging.channel_occupancy", "month hour direction scope name")
def channel_occupancy(books: Books) -> Iterator[Row]:
    names = ("month", "hour", "direction", "scope", "name")
    for cell, hour in _hours(_Same(books)).items():
        yield dict(zip(names, cell, strict=True)) | _levels(hour)


@recomputes("marts.hourly_concurrency", "month hour direction")
def hourly_concurrency(books: Books) -> Iterator[Row]:
    refused = lost(books)
    for cell, hour in _hours_with_lost(books).items():
        month, at, direction, scope, _ = cell
        if scope == "all":
            levels = _levels(hour)
            yield {
                "month": month,
                "hour": at,
                "direction": direction,
                **levels,
                "talk_erlangs": levels["talk_seconds"] / 3600,
                "held_erlangs": levels["held_seconds"] / 3600,
                "lost_calls": refused[cell],
            }


@recomputes("marts.peak_concurrency", "month day direction scope name")
def peak_concurrency(books: Books) -> Iterator[Row]:
    refused: Counter[Any] = Counter()
    for (month, hour, *rest), count in lost(books).items():
        refused[month, hour.date(), *rest] += count

    def key(item: tuple[Cell, Hour]) -> Any:
        (month, hour, direction, scope, name), _ = item
        return month, hour.date(), direction, scope, name

    for of_day, items in grouped(_hours_with_lost(books).items(), key):
        hours = sorted(((cell[1], _levels(hour)) for cell, hour in items), key=lambda pair: pair[0])
        talk = max((row for _, row in hours), key=lambda row: row["peak_channels"])
        held = max((row for _, row in hours), key=lambda row: row["peak_held_channels"])
        busy, most = max(hours, key=lambda pair: pair[1]["held_seconds"])
        erlangs = most["held_seconds"] / 3600
        yield {
            **dict(zip(("month", "day", "direction", "scope", "name"), of_day, strict=True)),
            "peak_channels": talk["peak_channels"],
            "peak_at": talk["peak_at"],
            "peak_held_channels": held["peak_held_channels"],
            "peak_held_at": held["peak_held_at"],
            "busy_hour": busy if erlangs else None,
            "busy_hour_erlangs": erlangs,
            "channels_needed": _needed(erlangs, books.limit("blocking_share")),
            "lost_calls": refused[of_day],
        }


def _needed(erlangs: float, share: float) -> int:
    """Fewest channels by Erlang B."""
    blocking, channels = 1.0, 0
    while blocking > share:
        channels += 1
        blocking = erlangs * blocking / (channels + erlangs * blocking)
    return channels
