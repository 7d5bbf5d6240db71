"""The marts of cost: sql/marts/cost_by_*.sql."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from tests.audit.books import Books, Row, grouped, ratio, recomputes, usd
from tests.audit.calls import Call
from tests.audit.records import Record

COMPONENTS = ("toll_free", "pstn", "metered", "cnam")


def _unexplained(amounts: dict[str, Decimal], total: Decimal) -> dict[str, Decimal]:
    return amounts | {"unexplained": total - usd(amounts.values())}


def _charges(call: Call) -> dict[str, Decimal]:
    if call.direction == "out":
        return {"outbound": call.cost}
    return _unexplained({name: call.usd(name) or Decimal(0) for name in COMPONENTS}, call.cost)


def _shares(rows: Iterable[Row], cost: str, *within: str) -> Iterator[Row]:
    for _, some in grouped(rows, lambda row: tuple(row[name] for name in within)):
        whole = usd(row[cost] for row in some)
        yield from (row | {"share_of_month": ratio(row[cost], whole)} for row in some)


@recomputes("marts.cost_by_did", "month did_number")
def by_did(books: Books) -> Iterator[Row]:
    yield from _shares(
        map(_of_did, grouped(books.inbound, lambda call: (call.month, call.called))), "total_usd", "month"
    )


def _of_did(group: tuple[Any, list[Call]]) -> Row:
    (month, did), calls = group
    seconds = sum(call.duration for call in calls)
    return {
        "month": month,
        "did_number": did,
        "calls": len(calls),
        "answered_calls": sum(call.answered for call in calls),
        "duration_seconds": seconds,
        "minutes": seconds / 60,
        "last_call_at": max(call.started for call in calls),
        **{f"{name}_usd": usd(call.usd(name) for call in calls) for name in (*COMPONENTS, "total")},
    }


@recomputes("marts.cost_by_component", "month direction component")
def by_component(books: Books) -> Iterator[Row]:
    rows = []
    for (month, direction), calls in grouped(books.calls, lambda call: (call.month, call.direction)):
        rows += [_of_component(month, direction, name, calls) for name in _charges(calls[0])]
    yield from _shares(rows, "cost_usd", "month", "direction")


def _of_component(month: str, direction: str, name: str, calls: list[Call]) -> Row:
    charged = [call for call in calls if _charges(call)[name]]
    cost = usd(_charges(call)[name] for call in calls)
    timed = charged and name not in ("cnam", "unexplained")
    minutes = sum(_charged_seconds(call) for call in charged) / 60 if timed else None
    return {
        "month": month,
        "direction": direction,
        "component": name,
        "cost_usd": cost,
        "calls_charged": len(charged),
        "charged_minutes": minutes,
        "cost_per_minute_usd": ratio(cost, minutes),
    }


def _charged_seconds(call: Call) -> int:
    return call.duration if call.direction == "in" else call.last.seconds["billing"] or 0


@recomputes("marts.cost_by_country", "month destination_country call_type")
def by_country(books: Books) -> Iterator[Row]:
    def key(call: Call) -> Any:
        return call.month, call.last.text["country"], call.last.text["call_type"]

    for (month, country, call_type), calls in grouped(books.outbound, key):
        answered = sum(call.answered for call in calls)
        yield {
            "month": month,
            "destination_country": country,
            "call_type": call_type,
            **_of_calls(calls),
            "asr_call": ratio(answered, len(calls)),
            "acd_seconds": ratio(sum(call.duration for call in calls), answered),
        }


def _of_calls(calls: list[Call]) -> Row:
    seconds, billed = sum(call.duration for call in calls), sum(map(_charged_seconds, calls))
    cost = usd(call.cost for call in calls)
    return {
        "calls": len(calls),
        "answered_calls": sum(call.answered for call in calls),
        "duration_seconds": seconds,
        "minutes": seconds / 60,
        "billing_seconds": billed,
        "billed_minutes": billed / 60,
        "charged_usd": cost,
        "cost_per_billed_minute_usd": ratio(cost, billed / 60),
    }


@recomputes("marts.cost_by_network", "month destination_country network call_type")
def by_network(books: Books) -> Iterator[Row]:
    def key(call: Call) -> Any:
        text = call.last.text
        return call.month, text["country"], text["network"], text["call_type"]

    rows = []
    for (month, country, network, call_type), calls in grouped(books.outbound, key):
        rates = [rate for call in calls if (rate := call.usd("rate")) is not None]
        here = {"month": month, "destination_country": country, "network": network, "call_type": call_type}
        lowest, highest = min(rates, default=None), max(rates, default=None)
        rows.append(here | _of_calls(calls) | {"lowest_rate_usd": lowest, "highest_rate_usd": highest})
    yield from _shares(rows, "charged_usd", "month")


@recomputes("marts.cost_by_trunk", "month direction trunk_name")
def by_trunk(books: Books) -> Iterator[Row]:
    groups = grouped(books.records, lambda record: (record.month, record.direction, record.text["trunk"]))
    yield from _shares(
        (_of_trunk(month, direction, trunk, of) for (month, direction, trunk), of in groups),
        "cost_usd",
        "month",
        "direction",
    )


def _of_trunk(month: str, direction: str, trunk: str | None, records: list[Record]) -> Row:
    seconds = sum(record.duration for record in records if record.answered)
    billed = sum(record.seconds["billing"] or 0 for record in records) if direction == "out" else None
    cost = usd(record.cost for record in records)
    return {
        "month": month,
        "direction": direction,
        "trunk_name": trunk,
        "attempts": len(records),
        "answered_attempts": sum(record.answered for record in records),
        "duration_seconds": seconds,
        "minutes": seconds / 60,
        "billing_seconds": billed,
        "billed_minutes": None if billed is None else billed / 60,
        "unanswered_usd": usd(record.cost for record in records if not record.answered),
        "cost_usd": cost,
        "cost_per_minute_usd": ratio(cost, seconds / 60 if billed is None else billed / 60),
    }


@recomputes("marts.cost_by_day", "month day direction component")
def by_day(books: Books) -> Iterator[Row]:
    groups = grouped(books.records, lambda record: (record.month, record.started.date(), record.direction))
    for (month, day, direction), records in groups:
        spent = sum(record.duration if direction == "in" else record.seconds["billing"] or 0 for record in records)
        for name in _charges(Call((records[0],))):
            cost = usd(_charges(Call((record,)))[name] for record in records)
            price = ratio(cost, spent / 60)
            yield {
                "month": month,
                "day": day,
                "direction": direction,
                "component": name,
                "cost_usd": cost,
                "cost_per_minute_usd": price,
                "charged_seconds": spent,
            }
