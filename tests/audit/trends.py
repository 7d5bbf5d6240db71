"""What looks across months: sql/trends."""

import statistics
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.audit.books import Books, Row, grouped, ratio, recomputes, usd
from tests.audit.callers import hourly_destinations, hourly_toll_free
from tests.audit.records import File, amount

DAY = timedelta(days=1)
DIRECTIONS = ("in", "out")


def _end(month: str) -> datetime:
    return (datetime.fromisoformat(f"{month}-01") + 32 * DAY).replace(day=1)


def _whole_days(file: File) -> list[date]:
    """The days of a month that are loaded to their end."""
    first = datetime.fromisoformat(f"{file.month}-01")
    days = (first + n * DAY for n in range(31))
    return [day.date() for day in days if day + DAY <= min(file.until, _end(file.month))]


def _cost(books: Books) -> dict[tuple[str, date], Decimal]:
    spent: dict[tuple[str, date], Decimal] = defaultdict(Decimal)
    for record in books.records:
        spent[record.direction, record.started.date()] += record.cost
    return spent


@recomputes("trends.month_on_month", "month direction")
def month_on_month(books: Books) -> Iterator[Row]:
    files = {(file.direction, file.month): file for file in books.files}
    for (direction, month), file in files.items():
        before = files.get((direction, _before(month)))
        calls, minutes, cost = (_sums(books, file, name) for name in ("calls", "minutes", "cost"))
        whole = file.until >= _end(month)
        earlier = before if before and whole and before.until >= _end(before.month) else None
        yield {
            "month": month,
            "direction": direction,
            "state": "settling" if whole else "open",
            "whole_days": len(_whole_days(file)),
            "calls": sum(calls.values()),
            "answered_calls": sum(_sums(books, file, "answered").values()),
            "minutes": sum(minutes.values()) / 60,
            "cost_usd": usd(cost.values()),
            **_changes("calls", "calls", calls, _sums(books, earlier, "calls"), earlier),
            **_changes("minutes", "minutes", minutes, _sums(books, earlier, "minutes"), earlier),
            **_changes("cost", "cost_usd", cost, _sums(books, earlier, "cost"), earlier),
            **{
                f"{name}_weekday_change_share": _weekdays(
                    file, before, _sums(books, file, name), _sums(books, before, name)
                )
                for name in ("calls", "minutes", "cost")
            },
        }


def _before(month: str) -> str:
    return f"{datetime.fromisoformat(f'{month}-01') - DAY:%Y-%m}"


def _sums(books: Books, file: File | None, of: str) -> dict[date, Any]:
    """What there was on each day: calls and their seconds by the call's start, money by the attempt's."""
    sums: dict[date, Any] = defaultdict(Decimal if of == "cost" else int)
    if file is None:
        return sums
    if of == "cost":
        for record in file.records:
            sums[record.started.date()] += record.cost
    for call in books.calls if of != "cost" else []:
        if (call.direction, call.month) == (file.direction, file.month):
            worth = {"calls": 1, "answered": int(call.answered), "minutes": call.duration}
            sums[call.started.date()] += worth[of]
    return sums


def _changes(name: str, unit: str, now: dict[date, Any], then: dict[date, Any], earlier: File | None) -> Row:
    suffix = "_usd" if unit == "cost_usd" else ""
    if earlier is None:
        return {f"{name}_change{suffix}": None, f"{name}_change_share": None}
    more = sum(now.values()) - sum(then.values())
    share = ratio(more, sum(then.values()))
    return {f"{name}_change{suffix}": more / 60 if name == "minutes" else more, f"{name}_change_share": share}


def _weekdays(file: File, before: File | None, now: dict[date, Any], then: dict[date, Any]) -> float | None:
    """This month's whole days beside what the same weekdays had on average in the month before."""
    if before is None or before.until < _end(before.month):
        return None
    days, means = _whole_days(file), {}
    for weekday, some in grouped(_whole_days(before), date.weekday):
        means[weekday] = float(sum(then[day] for day in some)) / len(some)
    usual = sum(means[day.weekday()] for day in days)
    return ratio(float(sum(now[day] for day in days)) - usual, usual)


@recomputes("trends.forecast", "direction")
def forecast(books: Books) -> Iterator[Row]:
    spent = _cost(books)
    for direction in DIRECTIONS:
        files = [file for file in books.files if file.direction == direction]
        newest = max(files, key=lambda file: file.month)
        complete = _whole_days(newest)
        last = complete[-1] if complete else datetime.fromisoformat(f"{newest.month}-01").date() - DAY
        known = [day for file in files for day in _whole_days(file) if last - 28 * DAY < day <= last]
        left = [last + n * DAY for n in range(1, 32) if f"{last + n * DAY:%Y-%m}" == newest.month]
        now = usd(spent[direction, day] for day in _days(newest.month))
        expected = usd(_mean(spent, direction, known, day) for day in left) if len(known) >= 7 else None
        whole = usd(spent[direction, day] for day in complete)
        yield {
            "month": newest.month,
            "direction": direction,
            "last_complete_day": last,
            "days_left": len(left),
            "known_days": len(known),
            "spent_usd": now,
            "expected_usd": None if expected is None else float(expected),
            "forecast_usd": None if expected is None else float(max(now, whole + expected)),
        }


def _days(month: str) -> list[date]:
    first = datetime.fromisoformat(f"{month}-01").date()
    return [first + n * DAY for n in range((_end(month).date() - first).days)]


def _mean(spent: dict[tuple[str, date], Decimal], direction: str, known: list[date], day: date) -> Decimal:
    same = [one for one in known if one.weekday() == day.weekday()]
    return usd(spent[direction, one] for one in same) / len(same)


@recomputes("trends.did_activity", "did_number")
def dids(books: Books) -> Iterator[Row]:
    until = max(file.until for file in books.files if file.direction == "in")
    newest = max(file.month for file in books.files if file.direction == "in")
    last_day = (until - timedelta(microseconds=1)).date()
    dialled = (call for call in books.inbound if call.called is not None)
    for did, calls in grouped(dialled, lambda call: call.called):
        last = max(call.started for call in calls)
        idle = (last_day - last.date()).days
        yield {
            "did_number": did,
            "first_call_at": min(call.started for call in calls),
            "last_call_at": last,
            "months": len({call.month for call in calls}),
            "calls": len(calls),
            "newest_month_calls": sum(call.month == newest for call in calls),
            "total_usd": usd(call.cost for call in calls),
            "idle_days": idle,
            "idle": idle > books.limit("idle_did_days"),
        }


_SUMMED = {
    "in": {
        "duration_seconds": "Duration (sec)",
        "toll_free_usd": "Toll-free (USD)",
        "pstn_usd": "PSTN (USD)",
        "metered_usd": "Metered (USD)",
        "cnam_usd": "CNAM IN (USD)",
        "total_usd": "Total (USD)",
    },
    "out": {
        "duration_seconds": "Call Duration (sec)",
        "billing_seconds": "Billing Duration (sec)",
        "rate_usd": "Rate (USD)",
        "charged_usd": "Charged (USD)",
    },
}


@recomputes("trends.reconciliation", "month record_type component")
def reconciliation(books: Books) -> Iterator[Row]:
    for file in books.files:
        here = {"month": file.month, "record_type": f"cdr_{file.direction}", "export_id": file.export_id}
        rows = len(file.cells)
        counts = {"archived": rows, "rejected": len(file.rejected), "published": len(file.records), "counted": rows}
        yield {**here, "component": "rows", **counts, "unknown": 0, "difference": 0}
        for component, header in _SUMMED[file.direction].items():
            yield {**here, "component": component, **_summed(file, header)}


def _summed(file: File, header: str) -> Row:
    archived = [_cell(cells[header]) for cells in file.cells]
    rejected = [_cell(cells[header]) for cells in file.rejected]
    sums = usd(archived), usd(rejected)
    return {
        "archived": sums[0],
        "rejected": sums[1],
        "published": sums[0] - sums[1],
        "counted": None,
        "unknown": 0,
        "difference": 0,
    }


def _cell(cell: str) -> Decimal | None:
    try:
        return amount(cell)
    except ArithmeticError:
        return None


@recomputes("trends.watch_irsf", "month trunk_name destination_country first_call_at")
def watch_irsf(books: Books) -> Iterator[Row]:
    hours = {(row["trunk_name"], row["destination_country"], row["hour"]): row for row in hourly_destinations(books)}
    for (trunk, country, hour), row in hours.items():
        cost, minutes = row["repeated_usd"], row["repeated_minutes"]
        before = [hours.get((trunk, country, hour - n * DAY)) for n in range(1, int(books.limit("usual_days")) + 1)]
        usual = statistics.median(float(one["cost_usd"] - one["repeated_usd"]) if one else 0.0 for one in before)
        dear = cost >= books.limit("irsf_hour_usd") and float(cost) >= books.limit("irsf_usd_per_minute") * minutes
        if dear and float(cost) >= books.limit("irsf_times_usual") * usual:
            yield {
                "month": row["month"],
                "trunk_name": trunk,
                "destination_country": country,
                "first_call_at": row["first_call_at"],
                "last_call_at": row["last_call_at"],
                "answered_calls": row["repeated_calls"],
                "numbers": row["repeated_numbers"],
                "billed_minutes": minutes,
                "longest_seconds": row["repeated_longest_seconds"],
                "cost_usd": cost,
                "usual_usd": usual,
                "why": (row["repeated_calls"], row["repeated_numbers"], cost, usual),
            }


@recomputes("trends.watch_toll_free_pumping", "month did_number first_call_at")
def watch_pumping(books: Books) -> Iterator[Row]:
    hours = {(row["did_number"], row["hour"]): row for row in hourly_toll_free(books)}
    share = books.limit("pumping_same_duration_share")

    def is_suspect(row: Row) -> bool:
        alike = row["same_duration_calls"] >= share * row["calls"]
        return bool(row["calls"] >= books.limit("pumping_hour_calls") and alike)

    for (did, hour), row in hours.items():
        before = [hours.get((did, hour - n * DAY)) for n in range(1, int(books.limit("usual_days")) + 1)]
        usual = statistics.median(0.0 if one is None or is_suspect(one) else float(one["calls"]) for one in before)
        if is_suspect(row) and row["calls"] >= books.limit("pumping_times_usual") * usual:
            kept = (
                "month",
                "first_call_at",
                "last_call_at",
                "calls",
                "same_duration_calls",
                "minutes",
                "toll_free_usd",
            )
            numbers = (row["calls"], usual, row["same_duration_calls"], row["same_duration_seconds"])
            yield {name: row[name] for name in (*kept, "same_duration_seconds", "did_number")} | {
                "usual_calls": usual,
                "why": numbers,
            }
