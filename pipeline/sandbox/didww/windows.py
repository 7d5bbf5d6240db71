"""The window of an export: from and to, or a year, a month and perhaps a day."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pipeline.months import Month
from pipeline.sandbox.didww.versions import Version
from pipeline.sandbox.traffic.columns import CDR_OUT
from pipeline.sandbox.traffic.record import MOMENT_FORMAT

_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|\+00:00)?")
_KEPT_BEFORE = 2
_TOO_OLD = f"must be within the current and {_KEPT_BEFORE} previous months"


@dataclass(frozen=True)
class Window:
    """The time from ``from_`` to before ``to``; ``echo`` is how the vendor repeats it."""

    from_: datetime
    to: datetime
    echo: Mapping[str, object]


def window_filters(export_type: str, version: Version) -> tuple[str, ...]:
    """Return the filters that choose the time."""
    if not version.by_month:
        return ("from", "to")
    return ("year", "month", "day") if export_type == CDR_OUT else ("year", "month")


def read_window(filters: Mapping[str, object], version: Version, now: datetime) -> Window | list[str]:
    """Return the window that the filters choose, or what is wrong with them.

    Args:
        filters: The filters of the request.
        version: The API version.
        now: The vendor's time.
    """
    return _by_month(filters, now) if version.by_month else _by_span(filters, now)


def read_moment(value: object) -> datetime | None:
    """Return a time as clients may write it; None for anything else."""
    found = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    if not found:
        return None
    try:
        return datetime.strptime(f"{found[1]} {found[2]}", MOMENT_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None


def _by_span(filters: Mapping[str, object], now: datetime) -> Window | list[str]:
    from_, to = read_moment(filters.get("from")), read_moment(filters.get("to"))
    messages = [*_about("from", from_, now), *_about("to", to, now)]
    if from_ is None or to is None or messages:
        return messages
    if from_ >= to:
        return ["from must be before to"]
    return Window(from_, to, {"from": from_.strftime(MOMENT_FORMAT), "to": to.strftime(MOMENT_FORMAT)})


def _about(name: str, moment: datetime | None, now: datetime) -> list[str]:
    if moment is None:
        return [f"{name} not valid"]
    if moment < _oldest(now):
        return [f"{name} {_TOO_OLD}"]
    return [f"{name} must not be in the future"] if moment > now else []


def _by_month(filters: Mapping[str, object], now: datetime) -> Window | list[str]:
    """Return the window of a month or a day, whose end may lie in the future."""
    numbers = {name: _number(filters[name]) for name in ("year", "month", "day") if name in filters}
    if wrong := [f"{name} not valid" for name in ("year", "month") if not numbers.get(name)]:
        return wrong
    try:
        start = datetime(numbers["year"], numbers["month"], numbers.get("day", 1), tzinfo=UTC)
    except ValueError:
        return ["month not valid"] if "day" not in numbers else ["day not valid"]
    if not _oldest(now) <= start <= now:
        return [f"month {_TOO_OLD}"]
    end = start + timedelta(days=1) if "day" in numbers else Month.of(start).end
    return Window(start, end, {name: filters[name] for name in numbers})


def _number(value: object) -> int:
    """Return a number, given as such or as text; 0 for anything else."""
    return int(value) if isinstance(value, int) or (isinstance(value, str) and value.isdecimal()) else 0


def _oldest(now: datetime) -> datetime:
    return Month.of(now).shift(-_KEPT_BEFORE).start
