"""How much traffic there was and how it ended: hourly_traffic, daily_traffic, trunk_quality, disconnect_causes."""

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any

from tests.audit.books import Books, Row, delay_of, grouped, hour_of, ratio, recomputes, usd
from tests.audit.calls import Call
from tests.audit.records import Record

SEER = {"480", "486", "600", "603"}
ISA = {"408", "500", "503", "504"}
EFFECTIVE = {"user_busy", "no_answer", "reject"}

Time = Callable[[datetime], datetime | date]


def _is_ner(books: Books, record: Record) -> bool:
    return record.answered or books.classes.of(record) in EFFECTIVE


def _is_seer(record: Record) -> bool:
    return record.answered or record.text["code"] in SEER


def _is_redirected(record: Record) -> bool:
    code = record.text["code"] or ""
    return not record.answered and len(code) == 3 and code.startswith("3")


def _is_isa(record: Record) -> bool:
    return not record.answered and record.text["code"] in ISA


def _outcomes(books: Books, records: list[Record]) -> Row:
    """The ratios of attempts, and what they are made of."""
    ner, seer = sum(_is_ner(books, record) for record in records), sum(map(_is_seer, records))
    redirected, isa = sum(map(_is_redirected, records)), sum(map(_is_isa, records))
    attempts, answered = len(records), sum(record.answered for record in records)
    return {
        "attempts": attempts,
        "answered_attempts": answered,
        "asr_attempt": ratio(answered, attempts),
        "ner": ratio(ner, attempts),
        "seer": ratio(seer, attempts - redirected),
        "isa": ratio(isa, attempts),
        "ner_attempts": ner,
        "seer_attempts": seer,
        "redirected_attempts": redirected,
        "isa_attempts": isa,
        "short_calls": sum(map(books.is_short, records)),
    }


def _traffic(books: Books, column: str, of: Time) -> Iterator[Row]:
    calls: dict[Any, list[Call]] = defaultdict(list)
    for call in books.calls:
        calls[call.month, of(call.started), call.direction].append(call)
    for key, records in grouped(books.records, lambda record: (record.month, of(record.started), record.direction)):
        month, time, direction = key
        here = {"month": month, column: time, "direction": direction}
        outcomes = _outcomes(books, records)
        yield here | outcomes | _calls(records, calls[key], direction, outcomes["short_calls"])


def _calls(records: list[Record], calls: list[Call], direction: str, short: int) -> Row:
    answered = [call for call in calls if call.answered]
    seconds, talked = sum(call.duration for call in calls), sum(call.duration for call in answered)
    billed = sum(record.seconds["billing"] or 0 for record in records) if direction == "out" else None
    delays = [delay_of(call.started, call.connected) for call in answered if call.connected]
    cost = usd(record.cost for record in records)
    attempts = sum(record.answered for record in records)
    return {
        "calls": len(calls),
        "answered_calls": len(answered),
        "asr_call": ratio(len(answered), len(calls)),
        "acd_seconds": ratio(talked, len(answered)),
        "answered_seconds": talked,
        "duration_seconds": seconds,
        "minutes": seconds / 60,
        "billing_seconds": billed,
        "billed_minutes": None if billed is None else billed / 60,
        "short_call_share": ratio(short, attempts),
        "answer_delay_seconds": statistics.fmean(delays) if delays else None,
        "answer_delay_total_seconds": sum(delays),
        "answer_delay_p50_seconds": float(statistics.median(delays)) if delays else None,
        "peak_cps": max(Counter(call.started for call in calls).values(), default=0),
        "cost_usd": cost,
        "cost_per_minute_usd": ratio(cost, seconds / 60 if billed is None else billed / 60),
    }


@recomputes("marts.hourly_traffic", "month hour direction")
def hourly(books: Books) -> Iterator[Row]:
    yield from _traffic(books, "hour", hour_of)


@recomputes("marts.daily_traffic", "month day direction")
def daily(books: Books) -> Iterator[Row]:
    yield from _traffic(books, "day", datetime.date)


@recomputes("marts.trunk_quality", "month direction trunk_name trunk_group")
def trunk_quality(books: Books) -> Iterator[Row]:
    def key(record: Record) -> Any:
        return record.month, record.direction, record.text["trunk"], record.text["trunk_group"]

    answered = Counter(key(call.last) for call in books.calls if call.answered)
    began = {id(call.last): call.started for call in books.calls}
    for (month, direction, trunk, group), records in grouped(books.records, key):
        outcomes = _outcomes(books, records)
        talked = sum(record.duration for record in records if record.answered)
        calls = answered[month, direction, trunk, group]
        yield {
            "month": month,
            "direction": direction,
            "trunk_name": trunk,
            "trunk_group": group,
            **outcomes,
            "answered_calls": calls,
            "answered_seconds": talked,
            "acd_seconds": ratio(talked, calls),
            "minutes": talked / 60,
            **_percentiles([record for record in records if _is_timed(record, began.get(id(record)))]),
            **_failures([record for record in records if not record.answered]),
        }


def _is_timed(record: Record, call_began: datetime | None) -> bool:
    """Whether it is known when the trunk was asked: by a first attempt, or a deciding one that began after its call."""
    later = call_began is not None and record.started > call_began
    return record.answered and (record.attempt in (None, 1) or later)


def _percentiles(records: list[Record]) -> Row:
    delays = sorted(delay_of(record.started, record.connected) for record in records if record.connected)
    return {"answer_delay_p50_seconds": _quantile(delays, 0.5), "answer_delay_p95_seconds": _quantile(delays, 0.95)}


def _quantile(sorted_values: list[float], share: float) -> float | None:
    """The exact percentile, interpolated between neighbours."""
    if not sorted_values:
        return None
    place = share * (len(sorted_values) - 1)
    low = int(place)
    high = min(low + 1, len(sorted_values) - 1)
    return sorted_values[low] + (sorted_values[high] - sorted_values[low]) * (place - low)


def _failures(records: list[Record]) -> Row:
    codes = Counter(record.text["code"] for record in records)
    code = min(codes, key=lambda one: (-codes[one], one or ""), default=None)
    share = ratio(codes[code], len(records))
    return {"top_failure_code": code, "top_failure_share": share, "top_failure_attempts": codes[code]}


@recomputes(
    "marts.disconnect_causes", "month direction disconnect_code disconnect_reason disconnect_initiator trunk_name"
)
def disconnect_causes(books: Books) -> Iterator[Row]:
    all_of = Counter((record.month, record.direction) for record in books.records)

    def key(record: Record) -> Any:
        text = record.text
        return record.month, record.direction, text["code"], text["reason"], text["initiator"], text["trunk"]

    for (month, direction, code, reason, initiator, trunk), records in grouped(books.records, key):
        yield {
            "month": month,
            "direction": direction,
            "disconnect_code": code,
            "disconnect_reason": reason,
            "disconnect_initiator": initiator,
            "trunk_name": trunk,
            "class": books.classes.of(records[0]),
            "attempts": len(records),
            "answered_attempts": sum(record.answered for record in records),
            "share_of_attempts": ratio(len(records), all_of[month, direction]),
        }
