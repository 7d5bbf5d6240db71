import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.errors import PermanentError
from pipeline.months import Month, month_range

months = st.builds(Month, st.integers(2, 9996), st.integers(1, 12))
near = st.builds(Month, st.integers(1990, 2090), st.integers(1, 12))
steps = st.integers(-24, 24)
moments = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone


@given(months)
def test_a_month_ends_where_the_next_one_starts(month: Month) -> None:
    assert month.end == month.shift(1).start


@given(near, steps, steps)
def test_shifting_adds_up_and_is_undone_by_shifting_back(month: Month, there: int, further: int) -> None:
    assert month.shift(there).shift(further) == month.shift(there + further)
    assert month.shift(there).shift(-there) == month


@given(months)
def test_a_written_month_reads_as_itself(month: Month) -> None:
    assert Month.parse(str(month)) == month
    assert len(str(month)) == len("2026-10")


@given(near, st.integers(1, 28))
def test_any_day_of_a_month_names_the_month(month: Month, day: int) -> None:
    assert Month.parse(f"{month}-{day:02d}") == month


@given(near)
def test_a_month_holds_its_start_and_not_its_end(month: Month) -> None:
    instant = timedelta(microseconds=1)
    assert month.holds(month.start)
    assert month.holds(month.end - instant)
    assert not month.holds(month.end)
    assert not month.holds(month.start - instant)


@given(moments)
def test_every_moment_lies_in_exactly_one_month(moment: datetime) -> None:
    month = Month.of(moment)
    assert [other for other in month_range(month.shift(-2), month.shift(2)) if other.holds(moment)] == [month]


@given(moments, st.integers(-14 * 60, 14 * 60))
def test_the_month_of_a_moment_does_not_depend_on_the_zone_it_is_written_in(moment: datetime, minutes: int) -> None:
    elsewhere = moment.astimezone(timezone(timedelta(minutes=minutes)))
    assert Month.of(elsewhere) == Month.of(moment)


@given(near, near)
def test_months_are_ordered_as_their_starts_and_as_their_text(one: Month, other: Month) -> None:
    assert (one < other) == (one.start < other.start) == (str(one) < str(other))
    assert (one == other) == (hash(one) == hash(other) and one <= other <= one)


@given(near, near)
def test_a_range_holds_every_month_between_once_and_in_order(first: Month, last: Month) -> None:
    found = month_range(first, last)
    assert bool(found) == (first <= last)
    assume(found)
    assert (found[0], found[-1]) == (first, last)
    assert all(before.end == after.start for before, after in pairwise(found))


def test_the_last_call_of_october_belongs_to_october() -> None:
    last = datetime(2026, 10, 31, 23, 59, 59, 700_000, tzinfo=UTC)
    assert Month.parse("2026-10").holds(last)
    assert Month.of(last) == Month(2026, 10)


def test_the_last_month_that_can_be_written_has_an_end() -> None:
    assert Month(9998, 12).end == datetime(9999, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "", "2026", "2026-1", "2026-00", "2026-13", "0000-01", "9999-01", "2026/10", "10-2026", "2026-10-00",
        "2026-02-29", "2026-10-32", "2026-10-1", " 2026-10", "2026-10 ", "2026-10\n", "2026-10-31T00:00:00Z",
        "-026-10", "october", "2026-10-31-01", "\N{ARABIC-INDIC DIGIT TWO}026-10",
    ],
)  # fmt: skip
def test_what_is_not_a_month_is_refused_with_one_sentence_that_shows_how_to_write_one(text: str) -> None:
    with pytest.raises(PermanentError) as refused:
        Month.parse(text)
    assert re.fullmatch(
        r"[^\n.]+ is not a (month|day); write it like 2026-10(-31)?( or 2026-10-31)?\.", str(refused.value)
    )


@given(st.text(max_size=12))
def test_any_text_is_a_month_or_is_refused(text: str) -> None:
    with suppress(PermanentError):
        assert text.startswith(str(Month.parse(text)))


def test_a_month_cannot_be_shifted_out_of_the_calendar() -> None:
    with pytest.raises(PermanentError):
        Month(1, 1).shift(-1)
    with pytest.raises(PermanentError):
        Month(9998, 12).shift(1)
