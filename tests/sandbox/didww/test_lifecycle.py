from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from pipeline.sandbox import ManualClock, Sandbox

NOW = datetime(2026, 10, 31, 12, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def sandbox(clock: ManualClock) -> Iterator[Sandbox]:
    with Sandbox(
        calls_per_day=3,
        clock=clock,
        pending=timedelta(minutes=1),
        processing=timedelta(minutes=2),
        api_key="k-7f3",
        foreign=3,
        rate_limit=None,
    ) as running:
        yield running


def shown(sandbox: Sandbox, session: requests.Session, made: str) -> dict[str, Any]:
    attributes: dict[str, Any] = session.get(f"{sandbox.url}/exports/{made}").json()["data"]["attributes"]
    return attributes


def test_an_export_is_pending_then_processing_then_completed(
    sandbox: Sandbox, session: requests.Session, clock: ManualClock, create: Any
) -> None:
    made = create()["id"]
    file = f"{sandbox.url}/exports/{sandbox.exports[0].file_name}"
    for step, status in ((0, "pending"), (59, "pending"), (1, "processing"), (119, "processing")):
        clock.advance(timedelta(seconds=step))
        assert (shown(sandbox, session, made)["status"], shown(sandbox, session, made)["url"]) == (
            status,
            None,
        )
        assert session.get(file).status_code == 404
    clock.advance(timedelta(seconds=1))
    assert shown(sandbox, session, made)["status"] == "completed"
    assert shown(sandbox, session, made)["url"] == file
    assert session.get(file).status_code == 200


def test_a_completed_export_is_gone_a_month_later(
    sandbox: Sandbox, session: requests.Session, clock: ManualClock, create: Any
) -> None:
    made = create()["id"]
    file = f"{sandbox.url}/exports/{sandbox.exports[0].file_name}"
    # November has 30 days: what completed on 31 October goes on the 30th.
    clock.at = datetime(2026, 11, 30, 12, 2, 59, tzinfo=UTC)
    assert shown(sandbox, session, made)["status"] == "completed"
    clock.advance(timedelta(seconds=1))
    answer = session.get(f"{sandbox.url}/exports/{made}")
    assert answer.status_code == 404
    assert answer.json() == {
        "errors": [
            {
                "title": "Record not found",
                "detail": f"The record identified by {made} could not be found.",
                "code": "404",
                "status": "404",
            }
        ]
    }
    assert session.get(file).status_code == 404
    assert made not in session.get(f"{sandbox.url}/exports").text


def test_on_the_first_of_a_month_the_oldest_month_is_gone(
    sandbox: Sandbox, session: requests.Session, clock: ManualClock, create: Any
) -> None:
    oldest = {"from": "2026-08-01 00:00:00", "to": "2026-09-01 00:00:00"}
    create(**oldest)
    clock.at = datetime(2026, 11, 1, tzinfo=UTC)
    with pytest.raises(AssertionError, match="current and 2 previous months"):
        create(**oldest)


def test_an_exports_rows_are_those_of_the_moment_it_was_created(
    sandbox: Sandbox, session: requests.Session, clock: ManualClock, create: Any
) -> None:
    late = [{"Date/Time Start (UTC)": "2026-09-30 23:59:58", "Duration (sec)": "61", "Total (USD)": "0.1234"}]
    window = datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC)
    before, first = sandbox.truth("cdr_in", *window), create()["id"]
    sandbox.add_records("cdr_in", late)
    after, second = sandbox.truth("cdr_in", *window), create()["id"]
    assert sandbox.truth_of(first) == before
    assert sandbox.truth_of(second) == after
    assert (after.rows, after.seconds) == (before.rows + 1, before.seconds + 61)


def test_a_running_month_grows_by_itself(sandbox: Sandbox, clock: ManualClock) -> None:
    clock.at = datetime(2026, 10, 20, tzinfo=UTC)
    window = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
    early = sandbox.truth("cdr_out", *window).rows
    clock.at = datetime(2026, 10, 25, tzinfo=UTC)
    assert sandbox.truth("cdr_out", *window).rows > early > 0


def test_a_call_is_not_exported_before_it_has_ended(sandbox: Sandbox, clock: ManualClock) -> None:
    # The 30th ends with a call in its last second that nobody has written down by midnight.
    edge = datetime(2026, 9, 30, 23, 59, 59, tzinfo=UTC)
    clock.at = edge + timedelta(seconds=1)
    assert sandbox.truth("cdr_in", edge, clock()).rows == 0
    clock.advance(timedelta(hours=5))
    assert sandbox.truth("cdr_in", edge, edge + timedelta(seconds=1)).rows >= 1
