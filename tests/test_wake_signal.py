from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.errors import PermanentError
from pipeline.sandbox import ManualClock
from pipeline.wake_signal import WakeSignal

NOW = datetime(2026, 11, 21, 12, 0, 0, 123457, tzinfo=UTC)
TICK = timedelta(microseconds=1)


def test_a_ring_is_heard_once_by_everybody_who_looked_before_it(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    wake = WakeSignal(tmp_path / "new" / "bell", clock)
    assert not wake.sent_after(NOW - TICK)
    wake.send()
    other = WakeSignal(tmp_path / "new" / "bell", clock)
    assert other.sent_after(NOW - TICK)
    assert not other.sent_after(NOW)
    clock.advance(TICK)
    wake.send()
    assert other.sent_after(NOW)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["bell"]


def test_a_ring_of_the_future_is_not_heard_before_it_is_due(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    wake = WakeSignal(tmp_path / "bell", clock)
    wake.send()
    clock.advance(-timedelta(hours=1))
    assert not wake.sent_after(clock())
    clock.advance(timedelta(hours=1))
    assert wake.sent_after(NOW - TICK)


def test_a_ring_is_not_earlier_than_a_look_that_had_just_begun(tmp_path: Path) -> None:
    wake = WakeSignal.of(tmp_path)
    for _ in range(50):
        looked = datetime.now(UTC)
        while datetime.now(UTC) == looked:
            pass
        wake.send()
        assert wake.sent_after(looked)


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(PermanentError, match="wake signal of a callback could not be written"):
        WakeSignal(tmp_path / "file" / "bell").send()
    assert not WakeSignal(tmp_path / "file" / "bell").sent_after(NOW)
