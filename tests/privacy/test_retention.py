"""Two clocks, each of whole months after a month's end."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.months import Month
from pipeline.privacy.retention import LARGEST_SKEW, LONGEST_SILENCE, RetentionPolicy, clock_doubt

MONTHS = st.builds(Month, st.integers(2015, 2040), st.integers(1, 12))
A_SECOND = timedelta(seconds=1)


@given(MONTHS, st.integers(1, 200))
def test_a_month_is_kept_for_so_many_months_after_its_end_and_not_a_second_longer(month: Month, kept: int) -> None:
    over = month.shift(kept + 1).start
    for policy in (RetentionPolicy(call_months=kept), RetentionPolicy(kept, kept)):
        assert not policy.calls_expired(month, over - A_SECOND)
        assert policy.calls_expired(month, over)
    assert not RetentionPolicy(call_months=kept).aggregates_expired(month, over)
    assert RetentionPolicy(kept, kept).aggregates_expired(month, over)


@given(MONTHS, st.integers(1, 36))
def test_what_has_expired_once_has_expired_for_ever_and_all_before_it_too(month: Month, kept: int) -> None:
    policy = RetentionPolicy(call_months=kept)
    now = month.shift(kept + 1).start
    assert all(policy.calls_expired(month.shift(-back), now + timedelta(days=31 * back)) for back in range(12))


@pytest.mark.parametrize("month", [Month(2015, 1), Month(2026, 10)])
def test_without_a_setting_everything_is_kept_for_ever(month: Month) -> None:
    far = Month(9000, 1).start
    assert not RetentionPolicy().calls_expired(month, far)
    assert not RetentionPolicy().aggregates_expired(month, far)


NOW = Month(2026, 11).start
FAR = timedelta(days=3653)


@pytest.mark.parametrize("skew", [timedelta(0), LARGEST_SKEW, -LARGEST_SKEW])
@pytest.mark.parametrize("newest", [None, NOW, NOW - FAR, NOW + FAR])
def test_a_clock_that_is_the_vendors_is_believed(newest: datetime | None, skew: timedelta) -> None:
    assert clock_doubt(NOW, newest, skew) == ""


@pytest.mark.parametrize("skew", [LARGEST_SKEW + A_SECOND, -LARGEST_SKEW - A_SECOND, FAR, -FAR])
@pytest.mark.parametrize("newest", [None, NOW, NOW - FAR])
def test_a_clock_that_is_far_from_the_vendors_is_not_believed(newest: datetime | None, skew: timedelta) -> None:
    assert clock_doubt(NOW, newest, skew).startswith("the vendor's clock is ")


def test_where_no_vendor_can_be_asked_the_newest_export_tells() -> None:
    assert (
        clock_doubt(NOW, NOW - LONGEST_SILENCE, None)
        == clock_doubt(NOW, None, None)
        == clock_doubt(NOW, NOW + FAR, None)
        == ""
    )
    assert "2026-11-01, 3653 days after the newest export" in clock_doubt(NOW, NOW - FAR, None)
    assert clock_doubt(NOW, NOW - LONGEST_SILENCE - A_SECOND, None)


@pytest.mark.parametrize(("days", "believed"), [(45, True), (46, False)])
def test_without_a_vendor_a_clock_is_believed_for_45_days_after_the_newest_export(days: int, *, believed: bool) -> None:
    assert (clock_doubt(NOW, NOW - timedelta(days=days), None) == "") is believed


@pytest.mark.parametrize(("days", "believed"), [(1, True), (2, False)])
def test_a_clock_may_be_a_day_from_the_vendors(days: int, *, believed: bool) -> None:
    assert (clock_doubt(NOW, None, timedelta(days=days)) == "") is believed


def test_of_what_is_kept_the_months_whose_sums_have_expired_are_left_out() -> None:
    sums = {"volumes": {"2026-08": "a", "2026-09": "b", "2026-10": "c"}, "trends": {"2026-09": "d"}, "none": {}}
    assert RetentionPolicy(aggregate_months=1).unexpired(sums, NOW) == {
        "volumes": {"2026-10": "c"},
        "trends": {},
        "none": {},
    }
    assert RetentionPolicy(call_months=1).unexpired(sums, NOW) == sums
