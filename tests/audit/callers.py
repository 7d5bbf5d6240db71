"""Who calls, and what is called: did_usage, top_callers, hourly_toll_free, hourly_destinations."""

import itertools
from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.audit.books import Books, Row, delay_of, grouped, hour_of, recomputes, usd
from tests.audit.calls import Call


@recomputes("marts.did_usage", "month did_number")
def did_usage(books: Books) -> Iterator[Row]:
    for (month, did), calls in grouped(books.inbound, lambda call: (call.month, call.called)):
        hours = Counter(call.started.hour for call in calls)
        busiest = min(hours, key=lambda hour: (-hours[hour], hour))
        yield {
            "month": month,
            "did_number": did,
            "calls": len(calls),
            "answered_calls": sum(call.answered for call in calls),
            "short_calls": sum(map(books.is_short, calls)),
            "minutes": sum(call.duration for call in calls) / 60,
            "callers": len({call.source for call in calls if call.source is not None}),
            "first_call_at": min(call.started for call in calls),
            "last_call_at": max(call.started for call in calls),
            "busiest_hour": busiest,
            "busiest_hour_calls": hours[busiest],
            "total_usd": usd(call.cost for call in calls),
        }


@recomputes("marts.top_callers", "month direction place")
def top_callers(books: Books) -> Iterator[Row]:
    known = [call for call in books.calls if call.source is not None]
    for (month, direction), here in grouped(known, lambda call: (call.month, call.direction)):
        callers = sorted(grouped(here, lambda call: call.source), key=lambda pair: (-len(pair[1]), pair[0]))
        for place, (source, calls) in enumerate(callers[: int(books.limit("top_callers"))], 1):
            yield {"month": month, "direction": direction, "place": place} | _caller(books, source, calls)


def _caller(books: Books, source: str, calls: list[Call]) -> Row:
    return {
        "source_number": source,
        "calls": len(calls),
        "answered_calls": sum(call.answered for call in calls),
        "short_calls": sum(map(books.is_short, calls)),
        "repeat_calls": _repeats(calls, books.limit("repeat_call_seconds")),
        "called_numbers": len({call.called for call in calls if call.called is not None}),
        "minutes": sum(call.duration for call in calls) / 60,
        "cost_usd": usd(call.cost for call in calls),
        "last_call_at": max(call.started for call in calls),
    }


def _repeats(calls: list[Call], within: float) -> int:
    """Calls that began soon after the last one of the same caller to the same number."""
    found = 0
    for _, some in grouped(calls, lambda call: call.called):
        starts = sorted(call.started for call in some)
        found += sum(delay_of(one, two) <= within for one, two in itertools.pairwise(starts))
    return found


@recomputes("marts.hourly_toll_free", "month did_number hour")
def hourly_toll_free(books: Books) -> Iterator[Row]:
    charged = [call for call in books.inbound if (call.usd("toll_free") or 0) > 0]
    for (month, did, hour), calls in grouped(charged, lambda call: (call.month, call.called, hour_of(call.started))):
        lengths = Counter(call.lasted for call in calls if call.lasted)
        length = max(lengths, key=lambda one: (lengths[one], one), default=None)
        yield {
            "month": month,
            "did_number": did,
            "hour": hour,
            "calls": len(calls),
            "first_call_at": min(call.started for call in calls),
            "last_call_at": max(call.started for call in calls),
            "same_duration_calls": 0 if length is None else lengths[length],
            "same_duration_seconds": length,
            "minutes": sum(call.duration for call in calls) / 60,
            "toll_free_usd": usd(call.usd("toll_free") for call in calls),
        }


@recomputes("marts.hourly_destinations", "month trunk_name destination_country hour")
def hourly_destinations(books: Books) -> Iterator[Row]:
    def key(call: Call) -> Any:
        return call.month, call.trunk, call.last.text["country"], hour_of(call.started)

    for (month, trunk, country, hour), calls in grouped(books.outbound, key):
        again = _again(books, calls) if usd(call.cost for call in calls) >= books.limit("irsf_hour_usd") else []
        yield {
            "month": month,
            "trunk_name": trunk,
            "destination_country": country,
            "hour": hour,
            "calls": len(calls),
            "answered_calls": sum(call.answered for call in calls),
            "billed_minutes": _billed(calls),
            "cost_usd": usd(call.cost for call in calls),
            "repeated_numbers": len({call.called for call in again}),
            "repeated_calls": len(again),
            "repeated_minutes": _billed(again),
            "repeated_usd": usd(call.cost for call in again),
            "repeated_longest_seconds": max((call.duration for call in again), default=None),
            "first_call_at": min((call.started for call in again), default=None),
            "last_call_at": max((call.started for call in again), default=None),
        }


def _billed(calls: list[Call]) -> float:
    return sum(call.last.seconds["billing"] or 0 for call in calls) / 60


def _again(books: Books, calls: list[Call]) -> list[Call]:
    """Answered calls to numbers that were reached again and again."""
    answered = [call for call in calls if call.answered and call.called is not None]
    reached = Counter(call.called for call in answered)
    return [call for call in answered if reached[call.called] >= books.limit("irsf_calls_per_number")]
