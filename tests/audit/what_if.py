"""What more flat channels would have saved: channel_what_if, by counting the calls in progress as each begins."""

import itertools
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction
from typing import Any

from tests.audit.books import Books, Row, grouped, recomputes, usd
from tests.audit.calls import Span, span

SHOWN = 50


@recomputes("marts.channel_what_if", "month scope name extra_channels")
def channel_what_if(books: Books) -> Iterator[Row]:
    metered = [span(call) for call in books.inbound if (call.usd("metered") or 0) > 0]
    lost = _lost(books)
    for month in sorted({file.month for file in books.files}):
        first = datetime.fromisoformat(f"{month}-01")
        mine = [one for one in metered if one.call.month == month or _comes_over(one, first)]
        for (scope, name), spans in _scoped(mine):
            for row in _advice(spans, month):
                yield {"month": month, "scope": scope, "name": name, **row, "lost_calls": lost[month, scope, name]}


def _lost(books: Books) -> Counter[Any]:
    refused = filter(books.is_lost, books.inbound)
    return Counter((call.month, *scope) for call in refused for scope in call.scopes())


def _comes_over(one: Span, first: datetime) -> bool:
    year, month = (first.year, first.month - 1) if first.month > 1 else (first.year - 1, 12)
    return one.call.month == f"{year}-{month:02}" and one.end > first


def _scoped(spans: list[Span]) -> Iterator[tuple[tuple[str, str | None], list[Span]]]:
    pairs = [(scope, one) for one in spans for scope in one.call.scopes() if scope[0] in ("all", "capacity_group")]
    for scope, some in grouped(pairs, lambda pair: pair[0]):
        yield scope, [one for _, one in some]


def _advice(spans: list[Span], month: str) -> Iterator[Row]:
    """What each number of channels would have carried; nothing where no call of the month is metered."""
    own = [one for one in spans if one.call.month == month]
    levels = _levels(spans)
    for extra in range(1, min(max(levels.values()), SHOWN) + 1) if own else ():
        sure = [one for one in own if levels[id(one)] <= extra]
        yield {
            "extra_channels": extra,
            "peak_metered_calls": max(levels.values()),
            "metered_calls": len(own),
            "metered_usd": usd(one.call.usd("metered") for one in own),
            "avoided_at_least_calls": len(sure),
            "avoided_at_least_usd": usd(one.call.usd("metered") for one in sure),
            "avoided_by_seconds_usd": float(_by_seconds(own, spans, levels, extra)),
        }


def _levels(spans: list[Span]) -> dict[int, int]:
    """How many calls are in progress once each has begun: of one second the cheapest first, those of no time last."""
    ordered = sorted(spans, key=lambda one: (one.start, one.seconds == 0, one.call.usd("metered")))
    levels = {}
    for at, one in enumerate(ordered):
        there = (other for other in ordered[:at] if other.start <= one.start)
        levels[id(one)] = 1 + sum(other.end > one.start or other.start == one.start for other in there)
    return levels


def _by_seconds(own: list[Span], spans: list[Span], levels: dict[int, int], extra: int) -> Fraction:
    """Each second's spend times the share of the calls in progress that fit."""
    edges = sorted({edge for one in spans for edge in (one.start, one.end)})
    there = {edge: sum(one.start <= edge < one.end for one in spans) for edge in edges}
    saved = Fraction(0)
    for one in own:
        amount = Fraction(one.call.usd("metered") or 0)
        if not one.seconds:
            saved += amount * min(Fraction(1), Fraction(extra, levels[id(one)]))
            continue
        inside = [edge for edge in edges if one.start <= edge <= one.end]
        for since, until in itertools.pairwise(inside):
            share = min(Fraction(1), Fraction(extra, there[since]))
            saved += amount * int((until - since).total_seconds()) / one.seconds * share
    return saved
