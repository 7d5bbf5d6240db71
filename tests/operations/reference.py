"""The rules of requests in their plainest form, each alone: what the plan must decide when it joins them."""

from datetime import datetime, timedelta

from pipeline.export.requests import CLOCK_MARGIN, settle_step
from pipeline.months import Month

A_DAY = timedelta(days=1)


def requestable(month: Month, now: datetime, months_kept: int | None) -> bool:
    """Whether the vendor has the month, and it has begun."""
    forgotten = months_kept is not None and now >= month.shift(months_kept).start
    return not forgotten and now - CLOCK_MARGIN > month.start


def due(month: Month, now: datetime, *, sealed: bool, newest_request: datetime | None, months_kept: int | None) -> bool:
    """Whether the schedule requests the month: daily while it runs, then at each settle step until sealed."""
    if sealed or not requestable(month, now, months_kept):
        return False
    if newest_request is None:
        return True
    if now < month.end:
        return newest_request.date() < now.date()
    step = settle_step(month, now)
    rested = step <= 7 or (now.date() - newest_request.date()).days >= 2
    return rested and newest_request < month.end + step * A_DAY


def covers(until: datetime | None, month: Month, now: datetime) -> bool:
    """Whether a month that is loaded until then lacks nothing that can be requested."""
    ended = now - CLOCK_MARGIN >= month.end
    return until is not None and until >= (month.end if ended else now - A_DAY)
