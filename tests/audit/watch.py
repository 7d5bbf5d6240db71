"""What looks like an attack within a month: watch_false_answer, watch_scans, watch_stuck_calls, watch_wangiri."""

import itertools
import re
from collections.abc import Iterator
from typing import Any

from tests.audit.books import Books, Row, delay_of, grouped, hour_of, ratio, recomputes, usd
from tests.audit.calls import Call


@recomputes("marts.watch_false_answer", "month day destination_country network")
def false_answer(books: Books) -> Iterator[Row]:
    def network(call: Call) -> Any:
        return call.month, call.last.text["country"], call.last.text["network"]

    for (month, country, name), calls in grouped(books.outbound, network):
        days = dict(grouped(calls, lambda call: call.started.date()))
        found = {day for day, some in days.items() if _looks_false(books, some)}
        others = [call for day, some in days.items() if day not in found for call in some]
        for day in found:
            answered = [call for call in days[day] if call.answered]
            suspect = [call for call in answered if _is_suspect(books, call)]
            yield {
                "month": month,
                "day": day,
                "destination_country": country,
                "network": name,
                "calls": len(days[day]),
                "answered_calls": len(answered),
                "suspect_calls": len(suspect),
                "asr_call": ratio(len(answered), len(days[day])),
                "asr_call_other_days": ratio(sum(call.answered for call in others), len(others)),
                "acd_seconds": ratio(sum(call.duration for call in answered), len(answered)),
                "answered_seconds": sum(call.duration for call in answered),
                "other_days_calls": len(others),
                "other_days_answered_calls": sum(call.answered for call in others),
                "suspect_usd": usd(call.cost for call in suspect),
                "why": (len(suspect), len(answered)),
            }


def _is_suspect(books: Books, call: Call) -> bool:
    soon = call.connected and delay_of(call.started, call.connected) <= books.limit("false_answer_delay_seconds")
    return bool(soon) and call.lasted is not None and call.lasted <= books.limit("false_answer_call_seconds")


def _looks_false(books: Books, calls: list[Call]) -> bool:
    answered = [call for call in calls if call.answered]
    suspect = sum(_is_suspect(books, call) for call in answered)
    enough = len(answered) >= books.limit("false_answer_day_calls")
    return enough and suspect >= books.limit("false_answer_share") * len(answered)


@recomputes("marts.watch_scans", "month direction source_number first_call_at")
def scans(books: Books) -> Iterator[Row]:
    def key(call: Call) -> Any:
        return call.month, call.direction, call.source, hour_of(call.started)

    for (month, direction, source, _), calls in grouped(books.calls, key):
        numbers = {call.called for call in calls if call.called is not None}
        places = sorted({int(number) for number in numbers if re.fullmatch("[0-9]{1,18}", number)})
        step = books.limit("scan_neighbour_step")
        neighbours = sum(two - one <= step for one, two in itertools.pairwise(places))
        answered = [call for call in calls if call.answered]
        acd = ratio(sum(call.duration for call in answered), len(answered))
        many = source is not None and len(numbers) >= books.limit("scan_hour_numbers")
        near = neighbours >= books.limit("scan_neighbour_share") * len(numbers)
        if many and near and (acd is None or acd < books.limit("scan_acd_seconds")):
            yield {
                "month": month,
                "direction": direction,
                "source_number": source,
                "first_call_at": min(call.started for call in calls),
                "last_call_at": max(call.started for call in calls),
                "calls": len(calls),
                "answered_calls": len(answered),
                "called_numbers": len(numbers),
                "neighbours": neighbours,
                "acd_seconds": acd,
                "answered_seconds": sum(call.duration for call in answered),
                "cost_usd": usd(call.cost for call in calls),
                "why": (len(numbers), neighbours, len(answered)),
            }


@recomputes("marts.watch_stuck_calls", "export_id row_number")
def stuck_calls(books: Books) -> Iterator[Row]:
    for call in books.calls:
        if call.duration > books.limit("stuck_call_seconds"):
            yield {
                "month": call.month,
                "direction": call.direction,
                "started_at": call.started,
                "ended_at": call.last.ended,
                "duration_seconds": call.duration,
                "trunk_name": call.trunk,
                "disconnect_code": call.last.text["code"],
                "cost_usd": call.usd("total" if call.direction == "in" else "charged"),
                "call_id": call.last.text["call_id"],
                "export_id": call.last.export_id,
                "row_number": call.last.line,
                "why": (round(call.duration / 3600, 1),),
            }


@recomputes("marts.watch_wangiri", "month source_range first_call_at")
def wangiri(books: Books) -> Iterator[Row]:
    cut = int(books.limit("wangiri_range_digits"))

    def is_ring(call: Call) -> bool:
        number = re.fullmatch("[0-9]{7,15}", call.source or "")
        brief = call.lasted is not None and call.lasted <= books.limit("wangiri_ring_seconds")
        return bool(number) and (not call.answered or brief)

    rings = filter(is_ring, books.inbound)
    for (month, source_range), some in grouped(rings, lambda call: (call.month, str(call.source)[:-cut])):
        for burst in _bursts(sorted(some, key=lambda call: call.started), books.limit("wangiri_gap_seconds")):
            dids = {call.called for call in burst if call.called is not None}
            if len(burst) >= books.limit("wangiri_calls") and len(dids) >= books.limit("wangiri_dids"):
                yield {"month": month, "source_range": source_range} | _burst(
                    books, source_range, burst, len(dids), cut
                )


def _bursts(rings: list[Call], gap: float) -> Iterator[list[Call]]:
    burst = rings[:1]
    for before, ring in itertools.pairwise(rings):
        if delay_of(before.started, ring.started) > gap:
            yield burst
            burst = []
        burst.append(ring)
    yield burst


def _burst(books: Books, source_range: str, burst: list[Call], dids: int, cut: int) -> Row:
    first = burst[0].started
    month = [call for call in books.outbound if call.month == burst[0].month and call.started >= first]
    back = [call for call in month if (call.called or "")[:-cut] == source_range]
    callers = len({call.source for call in burst})
    return {
        "first_call_at": first,
        "last_call_at": burst[-1].started,
        "rings": len(burst),
        "answered_rings": sum(call.answered for call in burst),
        "callers": callers,
        "dids": dids,
        "calls_back": len(back),
        "calls_back_usd": usd(call.cost for call in back),
        "why": (len(burst), callers, dids, len(back)),
    }
