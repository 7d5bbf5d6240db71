"""Calls out of attempts, the span of a call, and the class of a cause: as the headers of sql/staging say it."""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.audit.records import Record

NEAR = timedelta(seconds=600)
BELIEVED = timedelta(hours=4)
SPAN = timedelta(days=62)
COLUMN_HOLDS = Decimal(10) ** 12


@dataclass(frozen=True)
class Call:
    """A call with its records in the order of their attempts; ``last`` is the one that decides."""

    records: tuple[Record, ...]

    @property
    def last(self) -> Record:
        answered = [record for record in self.records if record.answered]
        return (answered or self.records)[-1]

    @property
    def direction(self) -> str:
        return self.last.direction

    @property
    def month(self) -> str:
        return self.last.month

    @property
    def started(self) -> datetime:
        return min(record.started for record in self.records)

    @property
    def connected(self) -> datetime | None:
        return self.last.connected

    @property
    def answered(self) -> bool:
        return self.last.answered

    @property
    def duration(self) -> int:
        """Seconds of the records with a connect time."""
        return sum(record.duration for record in self.records if record.answered)

    @property
    def lasted(self) -> int | None:
        """Connected seconds: 0 where it was not answered; None where no answered attempt says them."""
        if not self.answered:
            return 0
        return self.duration if any(one.answered and one.lasted is not None for one in self.records) else None

    @property
    def called(self) -> str | None:
        return self.last.text["called"]

    @property
    def source(self) -> str | None:
        return self.last.text["source"]

    @property
    def trunk(self) -> str | None:
        return self.last.text["trunk"]

    def usd(self, name: str) -> Decimal | None:
        """A component over all attempts; NULL where none has it; a sum too large for its column: the last one's."""
        parts = [part for record in self.records if (part := record.money[name]) is not None]
        if not parts:
            return None
        whole = sum(parts, Decimal(0))
        return whole if abs(whole) < COLUMN_HOLDS else self.last.money[name]

    @property
    def cost(self) -> Decimal:
        return self.usd("total" if self.direction == "in" else "charged") or Decimal(0)

    def scopes(self) -> list[tuple[str, str | None]]:
        """What the call is counted with: scope and name."""
        mine: list[tuple[str, str | None]] = [("all", None), ("trunk", self.trunk)]
        inbound = [("did", self.called), ("capacity_group", self.last.text["capacity_group"])]
        return mine + inbound if self.direction == "in" else mine


def fold(records: Iterable[Record]) -> Iterator[Call]:
    """The inbound calls of a month."""
    near: dict[Any, list[Record]] = defaultdict(list)
    for record in records:
        text = record.text
        key = text["call_id"], text["source"], text["called"]
        near[(*key, record.started) if text["call_id"] is None else key].append(record)
    for attempts in near.values():
        for one in _apart(sorted(attempts, key=lambda r: (r.started, _number(r), r.line))):
            yield from _paired(one)


def _number(record: Record) -> int:
    return 1 if record.attempt is None else record.attempt


def _apart(attempts: list[Record]) -> Iterator[list[Record]]:
    """Attempts in the order of their starts, in runs that are near in time."""
    run, over = [attempts[0]], _over(attempts[0])
    for before, record in itertools.pairwise(attempts):
        first = _number(record) == 1 and record.started > before.started
        if first or record.started > over + NEAR:
            yield run
            run = []
        run.append(record)
        over = max(over, _over(record))
    yield run


def _over(record: Record) -> datetime:
    """When an attempt had ended; a wrong end is not believed for more than four hours."""
    if record.ended is None or record.ended < record.started:
        return record.started
    return min(record.ended, record.started + BELIEVED)


def _paired(run: list[Record]) -> Iterator[Call]:
    """The k-th occurrences of each attempt are call k; the unanswered come first."""
    calls: dict[int, list[Record]] = defaultdict(list)
    seen: dict[int, int] = defaultdict(int)
    for record in sorted(run, key=lambda r: (_number(r), r.answered, r.line)):
        number = _number(record)
        calls[seen[number]].append(record)
        seen[number] += 1
    yield from (Call(tuple(records)) for records in calls.values())


@dataclass(frozen=True)
class Span:
    """The seconds in which a call held a channel, and from when it talked: half-open."""

    call: Call
    start: datetime
    talk: datetime | None
    end: datetime

    @property
    def seconds(self) -> int:
        return int((self.end - self.start).total_seconds())


def span(call: Call) -> Span:
    """From the call's start to the deciding attempt's end, else answer + duration, else nothing."""
    start, end = call.started, call.last.ended
    if end is None or end < start:
        end = start if call.connected is None else call.connected + timedelta(seconds=call.duration)
    month = datetime.fromisoformat(f"{call.month}-01")
    end = max(start, min(end, month + SPAN))
    talk = None if call.connected is None else min(max(call.connected, start), end)
    return Span(call, start, talk, end)


@dataclass(frozen=True)
class Classes:
    """The lines of seeds.disconnect_classes."""

    lines: list[Mapping[str, str]]

    def of(self, record: Record) -> str:
        """The class of the most specific line that matches."""
        best, found = (False, False, False), "other"
        for line in self.lines:
            cells = [line["disconnect_code"], line["disconnect_reason"], line["disconnect_initiator"]]
            mine = [record.text[name] for name in ("code", "reason", "initiator")]
            if all(not cell or (own or "").lower() == cell.lower() for cell, own in zip(cells, mine, strict=True)):
                named = tuple(map(bool, cells))
                if named > best or (named == best and found == "other"):
                    best, found = named, line["class"]  # type: ignore[assignment]
        return found
