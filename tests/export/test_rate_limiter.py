import multiprocessing
import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.export.rate_limiter import REQUESTS_PER_SECOND, RateLimiter


@given(arrivals=st.lists(st.floats(0, 5), min_size=2, max_size=40))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_window_of_a_second_sees_more_than_the_vendor_allows(arrivals: list[float], tmp_path: Path) -> None:
    for left in tmp_path.iterdir():
        left.unlink()
    limiter = RateLimiter("k", folder=tmp_path)
    sent = []
    for now in sorted(arrivals):
        waits: list[float] = []
        limiter.wait(clock=lambda at=now: at, sleep=waits.append)  # type: ignore[misc]
        sent.append(now + sum(waits))
    gaps = [later - earlier for earlier, later in zip(sent, sent[REQUESTS_PER_SECOND:], strict=False)]
    assert all(gap >= 1 - 1e-9 for gap in gaps)


def _send(folder: str, times: int) -> None:
    limiter = RateLimiter("k", per_second=50, folder=Path(folder))
    for _ in range(times):
        limiter.wait()


def test_the_pace_is_shared_by_processes(tmp_path: Path) -> None:
    began = time.monotonic()
    context = multiprocessing.get_context("spawn")
    senders = [context.Process(target=_send, args=(str(tmp_path), 15)) for _ in range(3)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert time.monotonic() - began >= 44 / 50


def test_two_keys_do_not_wait_for_each_other(tmp_path: Path) -> None:
    waits: list[float] = []
    RateLimiter("a", folder=tmp_path).wait(clock=lambda: 0.0, sleep=waits.append)
    RateLimiter("b", folder=tmp_path).wait(clock=lambda: 0.0, sleep=waits.append)
    assert waits == []


def test_a_clock_that_was_set_back_stops_nobody_for_long(tmp_path: Path) -> None:
    waits: list[float] = []
    RateLimiter("a", folder=tmp_path).wait(clock=lambda: 1e9, sleep=waits.append)
    RateLimiter("a", folder=tmp_path).wait(clock=lambda: 0.0, sleep=waits.append)
    assert waits == [60.0]


def test_no_user_opens_the_file_of_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    RateLimiter("a", folder=tmp_path).wait()
    theirs = {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    monkeypatch.setattr(os, "getuid", lambda: 4711)
    RateLimiter("a", folder=tmp_path).wait()
    assert {file: file.stat().st_mtime_ns for file in theirs} == theirs
