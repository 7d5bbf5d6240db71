"""The month that runs by the machine's clock, for tests of processes that have no other."""

import time
from datetime import UTC, datetime, timedelta

from pipeline.export.requests import CLOCK_MARGIN
from pipeline.months import Month

A_TEST = timedelta(minutes=2)


def running_month() -> Month:
    """One that can be asked for and outlasts a test: where the month is about to end, the next is waited for."""
    month = Month.of(datetime.now(UTC) + A_TEST)
    while datetime.now(UTC) <= month.start + CLOCK_MARGIN:
        time.sleep(1)
    return month
