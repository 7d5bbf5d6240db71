"""All that a recomputation may know: the archived records, the calls in them, the seeds, and the windows asked for."""

import csv
import functools
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from tests.audit.calls import Call, Classes, fold
from tests.audit.records import File, Record, read

SEEDS = Path(__file__).parents[2] / "sql" / "seeds"

Row = dict[str, Any]
Recomputation = Callable[["Books"], Iterable[Row]]
T = TypeVar("T")

RECOMPUTED: dict[str, tuple[tuple[str, ...], Recomputation]] = {}
"""The columns by which rows are told apart, and what makes them, by the name of the mart or trend."""


def recomputes(name: str, key: str) -> Callable[[Recomputation], Recomputation]:
    """Marks what recomputes a mart; ``key`` names the columns that tell its rows apart."""

    def mark(function: Recomputation) -> Recomputation:
        RECOMPUTED[name] = tuple(key.split()), function
        return function

    return mark


@dataclass(frozen=True)
class Books:
    """What was loaded."""

    files: list[File]
    limits: Mapping[str, Decimal]
    classes: Classes

    @functools.cached_property
    def records(self) -> list[Record]:
        """Every loaded record of both directions."""
        return [record for file in self.files for record in file.records]

    @functools.cached_property
    def calls(self) -> list[Call]:
        """Every call of both directions."""
        inbound = [call for file in self.files if file.direction == "in" for call in fold(file.records)]
        return inbound + [Call((record,)) for record in self.records if record.direction == "out"]

    @functools.cached_property
    def inbound(self) -> list[Call]:
        return [call for call in self.calls if call.direction == "in"]

    @functools.cached_property
    def outbound(self) -> list[Call]:
        return [call for call in self.calls if call.direction == "out"]

    def limit(self, name: str) -> float:
        """A threshold of the seed."""
        return float(self.limits[name])

    def is_lost(self, call: Call) -> bool:
        """Whether a call found every channel in use."""
        return not call.answered and self.classes.of(call.last) == "capacity"

    def is_short(self, one: Call | Record) -> bool:
        """Whether a call or attempt was answered, and is known to have been short."""
        return one.answered and one.lasted is not None and one.lasted <= self.limit("short_call_seconds")


def books(landing: Path) -> Books:
    """The books of an archive."""
    thresholds = {line["name"]: Decimal(line["value"]) for line in _lines("thresholds")}
    return Books(list(read(landing)), thresholds, Classes(_lines("disconnect_classes")))


def _lines(seed: str) -> list[Mapping[str, str]]:
    with (SEEDS / f"{seed}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def grouped(things: Iterable[T], key: Callable[[T], Hashable]) -> Iterator[tuple[Any, list[T]]]:
    """The things that share a key, NULLs among them."""
    groups: dict[Any, list[T]] = defaultdict(list)
    for thing in things:
        groups[key(thing)].append(thing)
    yield from groups.items()


def ratio(part: Any, whole: Any) -> float | None:
    """One over the other; NULL where there is nothing to divide by."""
    return float(part) / float(whole) if part is not None and whole else None


def usd(amounts: Iterable[Decimal | None]) -> Decimal:
    """A sum of money, 0 of nothing."""
    return sum((amount for amount in amounts if amount is not None), Decimal(0))


def hour_of(time: datetime) -> datetime:
    return time.replace(minute=0, second=0, microsecond=0)


def delay_of(start: datetime, answer: datetime) -> float:
    return (answer - start).total_seconds()
