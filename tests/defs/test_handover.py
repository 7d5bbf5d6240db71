"""An export travels from a tick to the run that loads it, in the run's configuration."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.defs.handover import HOLDS, handed_over, received
from pipeline.export.protocol import Export, Status

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
EXPORT = Export(
    "e1", "cdr_in", Status.COMPLETED, datetime(2026, 11, 2, tzinfo=UTC), "https://api.didww.com/v3/e1.csv.gz"
)
times = st.none() | st.datetimes(timezones=st.just(UTC))
texts = st.text(max_size=20)


def carried(export: Export, after: timedelta = timedelta(0)) -> Export | None:
    config = handed_over("cdr_in", export, NOW)
    return received(config["ops"]["cdr_in__file"]["config"]["export"], NOW + after) if config else None


@given(times, times, texts, st.none() | texts, st.dictionaries(texts, texts | st.lists(texts), max_size=3))
def test_it_arrives_as_it_was_seen(
    start: datetime | None, end: datetime | None, status: str, reference: str | None, filters: dict[str, object]
) -> None:
    export = replace(
        EXPORT, start=start, end=end, vendor_status=status, reference=reference, filters=filters, records=7, noted=True
    )
    assert carried(export) == export


@pytest.mark.parametrize(
    "url",
    ["https://files.example/e1.csv?signature=s3cret", "https://user:s3cret@files.example/e1", "https://a.b/e1#s3cret"],
)
def test_an_address_that_may_hold_a_secret_is_shown_to_no_user_of_the_ui(url: str) -> None:
    assert handed_over("cdr_in", replace(EXPORT, url=url), NOW) == {}


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"id": "e1"}', '{"status": "melted"}'])
def test_what_is_not_understood_makes_the_run_read_the_list_itself(text: str) -> None:
    assert received(text, NOW) is None


def test_what_was_seen_long_ago_makes_the_run_read_the_list_itself() -> None:
    assert carried(EXPORT, HOLDS) == EXPORT
    assert carried(EXPORT, HOLDS + timedelta(seconds=1)) is None
