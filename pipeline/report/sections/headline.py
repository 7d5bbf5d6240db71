"""The month in six figures, each against the month before, weekday by weekday."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import product
from typing import Any

from pipeline.months import Month
from pipeline.report.parts import Cell, Section, Table
from pipeline.report.published import CALLS, Published, Row, loaded
from pipeline.report.wording import change, count, month_name, points, seconds, several, share, usd
from pipeline.warehouse.coverage import State

_DAYS = """
SELECT month, day, direction, calls, answered_calls, answered_seconds, duration_seconds, cost_usd
FROM marts.daily_traffic WHERE month IN ($month, $before)
"""
_SUMS = ("calls", "answered_calls", "answered_seconds", "duration_seconds", "cost_usd")
_ONCE = dict.fromkeys(range(7), Fraction(1))


@dataclass(frozen=True)
class Measure:
    """One headline figure: how it is written, and how it is compared."""

    name: str
    head: str
    write: Callable[[Any], str]
    compare: Callable[[Any, Any], str] = change


MEASURES = (
    Measure("calls", "Calls", count),
    Measure("answered_calls", "Answered", count),
    Measure("asr_call", "ASR", share, points),
    Measure("acd_seconds", "ACD", seconds),
    Measure("minutes", "Minutes", count),
    Measure("cost_usd", "Cost, USD", usd),
)

_WAYS = {"both": "Both", "in": "Inbound", "out": "Outbound"}

Totals = Mapping[str, Row]
"""The figures of each direction; ``both`` is a direction too, and one that is not loaded is not there."""


def headline(published: Published) -> Section:
    """Both directions together and apart, and the change against the month before."""
    days = published.rows(_DAYS)
    shown = _totals(published, published.month, days, _ONCE)
    now, before = _compared(published, days)
    heads = [Cell(""), *(Cell(head, number=True) for head in _WAYS.values())]
    return Section(
        "headline",
        "The month in figures",
        [_told(published, bool(before))],
        [Table("Headline figures", heads, [_line(one, shown, now, before) for one in MEASURES], kind="headline")],
        brief=_brief(published, shown, change(_cost(now), _cost(before))),
    )


def _totals(published: Published, month: Month, days: Iterable[Row], times: Mapping[int, Fraction]) -> Totals:
    """The figures of the month's loaded directions, 0 where there is no call; a day counts as often as its weekday."""
    rows = [row for row in days if row["month"] == str(month)]
    known = loaded(row for row in published.coverage if row.month == str(month)) & {*CALLS}
    ways = {*(kind.removeprefix("cdr_") for kind in known), *(row["direction"] for row in rows)}
    if not ways or "marts.daily_traffic" not in published.relations:
        return {}
    sums = {way: dict.fromkeys(_SUMS, Fraction()) for way in ("both", *ways)}
    for row in rows:
        for way, name in product(("both", row["direction"]), _SUMS):
            sums[way][name] += Fraction(row[name] or 0) * times[row["day"].weekday()]
    return {way: _figures(found) for way, found in sums.items()}


def _figures(sums: Mapping[str, Fraction]) -> Row:
    calls, answered = sums["calls"], sums["answered_calls"]
    return {
        "calls": _decimal(calls),
        "answered_calls": _decimal(answered),
        "asr_call": _decimal(answered / calls) if calls else None,
        "acd_seconds": _decimal(sums["answered_seconds"] / answered) if answered else None,
        "minutes": _decimal(sums["duration_seconds"] / 60),
        "cost_usd": _decimal(sums["cost_usd"]),
    }


def _decimal(number: Fraction) -> Decimal:
    return Decimal(number.numerator) / number.denominator


def _compared(published: Published, days: Iterable[Row]) -> tuple[Totals, Totals]:
    """The month's whole days, and the month before as if each of its weekdays came as often as among those."""
    past = published.month.shift(-1)
    whole = Counter(day.weekday() for day in _calendar(published.month) if published.whole(day))
    running = any(row.month == str(past) and row.state == State.OPEN.value for row in published.coverage)
    if running or not whole:
        return {}, {}
    had = Counter(day.weekday() for day in _calendar(past))
    over = [row for row in days if row["month"] == str(past) or published.whole(row["day"])]
    now = _totals(published, published.month, over, _ONCE)
    before = _totals(published, past, over, {weekday: Fraction(whole[weekday], had[weekday]) for weekday in had})
    alike = now.keys() == before.keys()
    return now, before if alike else {way: row for way, row in before.items() if way != "both"}


def _calendar(month: Month) -> list[date]:
    return [(month.start + timedelta(days=number)).date() for number in range((month.end - month.start).days)]


def _line(measure: Measure, shown: Totals, now: Totals, before: Totals) -> list[Cell]:
    def cell(way: str) -> Cell:
        value, new, old = (totals.get(way, {}).get(measure.name) for totals in (shown, now, before))
        return Cell(measure.write(value), number=True, note=measure.compare(new, old))

    return [Cell(measure.head), *map(cell, _WAYS)]


def _cost(totals: Totals) -> Decimal | None:
    return totals.get("both", {}).get("cost_usd")


def _told(published: Published, known: bool) -> str:
    past = month_name(published.month.shift(-1))
    if published.running and not published.whole_days:
        return f"The month has no whole day yet to compare with {past}."
    if not known:
        return f"There are no whole figures of {past} to compare with."
    mean = f"with the mean of its weekday in {past}, so that a working day more is no change; pp are percentage points."
    if published.running:
        days = several(published.whole_days, "whole day")
        return f"The month is running: small figures compare each of its first {days} {mean}"
    return f"Small figures compare each day {mean}"


def _brief(published: Published, shown: Totals, more: str) -> Mapping[str, str]:
    if not shown:
        return {}
    month, past = month_name(published.month), month_name(published.month.shift(-1))
    cost = {way: usd(shown.get(way, {}).get("cost_usd") or 0) for way in _WAYS}
    so_far, days = (" so far", "its whole days ") if published.running else ("", "")
    against = f"; {days}{more} against {past}, weekday by weekday" if more else ""
    return {
        "Cost": f"{month} cost USD {cost['both']}{so_far}: {cost['in']} inbound and {cost['out']} outbound{against}.",
        "Traffic": _traffic(shown["both"]),
    }


def _traffic(both: Row) -> str:
    if not both["calls"]:
        return "No calls."
    return (
        f"{several(both['calls'], 'call')}, of which {share(both['asr_call'])} were answered; "
        f"{several(both['minutes'], 'minute')} of talk."
    )
