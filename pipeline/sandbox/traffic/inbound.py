"""Inbound calls (``cdr_in``): one record per routing attempt; only the connected one carries money."""

from dataclasses import dataclass
from datetime import date
from random import Random

from pipeline.sandbox.traffic import fixtures
from pipeline.sandbox.traffic.record import Record, epoch, usd
from pipeline.sandbox.traffic.rhythm import Moments, call_starts, chance

# One entry per percent: an index costs a third of a weighted choice.
_FAILURES = (
    *[("486", "Busy here", "Destination")] * 26,
    *[("404", "Not Found", "Destination")] * 8,
    *[("480", "Temporarily Unavailable", "Destination")] * 12,
    *[("480", "DID number overloaded", "Switch")] * 3,
    *[("487", "Request Terminated", "Origination")] * 36,
    *[("503", "Service Unavailable", "Switch")] * 5,
    *[("408", "SIP transaction timeout", "Destination")] * 6,
    *[("603", "Decline", "Destination")] * 4,
)
_NO_MONEY = (("0.000",) * 5, ("0.000",) * 5, ("0",) * 5, ("0.000", "0", "0.0000", "0", "0.0000"))
_DECIMALS = (3, 3, 3, 3, 3, 3, 4, 5, 6, 6)
_UNITS = {3: 1_000, 4: 100, 5: 10, 6: 1}
_CNAM_FEE = 5_000
_LONGEST = 4 * 3600
_REGULARS = 400

_P_ANSWERED = 0.84
_P_REROUTED = 0.09
_P_REROUTED_TWICE = 0.02
_P_ODD_CALLER = 0.06
_P_REGULAR = 0.6
_P_NAME_IS_NUMBER = 0.2
_P_NO_CALL_ID = 0.25
_P_TWINS = 0.03
_P_FAILED_WITH_END = 0.25


@dataclass(slots=True)
class _Call:
    """What the attempts of one call have in common."""

    second: int
    did: fixtures.Did
    source: str
    name: str
    call_id: str


class InboundCalls:
    """The inbound calls of the customer of a seed, ordered by start.

    Args:
        seed: The same seed makes the same calls.
        calls_per_day: The average number of calls a day.
        newline_rate: The share of caller names with a line break.
    """

    def __init__(self, seed: int, calls_per_day: int, newline_rate: float) -> None:
        self._seed = seed
        self._mean = calls_per_day
        self._newline_rate = newline_rate
        rng = chance(seed, "inbound estate")
        self._dids, self._weights = fixtures.dids(rng)
        self._regulars = [(_number(rng), rng.choice(fixtures.NAMES)) for _ in range(_REGULARS)]

    def day(self, day: date) -> list[Record]:
        """Return the attempts of the calls that start on ``day``."""
        rng = chance(self._seed, "cdr_in", day)
        starts = call_starts(rng, day, self._mean)
        moments, midnight = Moments(day), epoch(day)
        called = rng.choices(self._dids, cum_weights=self._weights, k=len(starts))
        records: list[Record] = []
        for second, did in zip(starts, called, strict=True):
            source, name = self._caller(rng)
            call = _Call(second, did, source, name, f"{rng.getrandbits(96):024x}")
            self._attempts(rng, call, moments, midnight, records)
        return records

    def _caller(self, rng: Random) -> tuple[str, str]:
        draw = rng.random()
        if draw < _P_ODD_CALLER:
            source = rng.choice(fixtures.ODD_CALLERS)
            name = source if draw < _P_ODD_CALLER / 2 else ""
        elif draw < _P_ODD_CALLER + _P_REGULAR:
            source, name = self._regulars[int(rng.random() * _REGULARS)]
        else:
            source = _number(rng)
            name = source if rng.random() < _P_NAME_IS_NUMBER else ""
        if name and rng.random() < self._newline_rate:
            name = f"{name}\nSecond line"
        return source, name

    def _attempts(self, rng: Random, call: _Call, moments: Moments, midnight: int, records: list[Record]) -> None:
        draw = rng.random()
        wanted = 1 + (draw < _P_REROUTED) + (draw < _P_REROUTED_TWICE)
        count = min(wanted, len(call.did.trunks))
        answered = rng.random() < _P_ANSWERED
        if count == 1 and not answered and rng.random() < _P_NO_CALL_ID:
            call.call_id = ""
        setup = 1
        for attempt in range(1, count + 1):
            setup += int(rng.random() * 12)
            if attempt == count and answered:
                records.append(_connected(rng, call, attempt, setup, moments, midnight))
            else:
                records.append(_failed(rng, call, attempt, setup, moments, midnight))
        if not call.call_id and rng.random() < _P_TWINS:
            # Two calls of one dialler in one second: distinct calls with identical bytes.
            records.append(records[-1])


def _number(rng: Random) -> str:
    prefix, digits = fixtures.CALLER_RANGES[int(rng.random() * len(fixtures.CALLER_RANGES))]
    return f"{prefix}{int(rng.random() * 10**digits):0{digits}d}"


def _failed(rng: Random, call: _Call, attempt: int, setup: int, moments: Moments, midnight: int) -> Record:
    code, response, initiator = _FAILURES[int(rng.random() * len(_FAILURES))]
    trunk = call.did.trunks[attempt - 1]
    ended = call.second + setup
    cells = (
        moments.text(call.second),
        "",
        moments.text(ended) if rng.random() < _P_FAILED_WITH_END else "",
        "Failed",
        call.source,
        call.name,
        call.did.number,
        "0",
        str(attempt),
        code,
        response,
        initiator,
        trunk.name,
        trunk.destination,
        call.did.trunk_group,
        call.did.capacity_group,
        *_NO_MONEY[int(rng.random() * 4)],
        call.call_id,
    )
    return Record(midnight + call.second, midnight + ended, cells)


def _connected(rng: Random, call: _Call, attempt: int, setup: int, moments: Moments, midnight: int) -> Record:
    trunk = call.did.trunks[attempt - 1]
    duration = min(_LONGEST, 1 + int(rng.expovariate(1 / 170)))
    connected = call.second + setup
    cells = (
        moments.text(call.second),
        moments.text(connected),
        moments.text(connected + duration),
        "Completed",
        call.source,
        call.name,
        call.did.number,
        str(duration),
        str(attempt),
        "200",
        "Bye",
        "Origination" if rng.random() < 0.6 else "Destination",
        trunk.name,
        trunk.destination,
        call.did.trunk_group,
        call.did.capacity_group,
        *_money(rng, call, trunk, duration),
        call.call_id,
    )
    return Record(midnight + call.second, midnight + connected + duration, cells)


def _money(rng: Random, call: _Call, trunk: fixtures.Trunk, duration: int) -> tuple[str, ...]:
    decimals = _DECIMALS[int(rng.random() * 10)]
    unit = _UNITS[decimals]
    parts = [
        _cost(call.did.toll_free_rate, duration, unit),
        _cost(trunk.pstn_rate, duration, unit),
        _cost(call.did.metered_rate, duration, unit),
        _CNAM_FEE if call.name and rng.random() < 0.7 else 0,
    ]
    total = sum(parts)
    if not total:
        return _NO_MONEY[int(rng.random() * 4)]
    texts = [usd(part, decimals) if part else "0.000" for part in parts]
    return (*texts, usd(total, decimals))


def _cost(rate: int, seconds: int, unit: int) -> int:
    return (rate * seconds + 30 * unit) // (60 * unit) * unit if rate else 0
