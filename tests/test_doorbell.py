from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.doorbell import Doorbell
from pipeline.errors import PermanentError
from pipeline.sandbox import ManualClock

NOW = datetime(2026, 11, 21, 12, 0, 0, 123457, tzinfo=UTC)
TICK = timedelta(microseconds=1)


def test_a_ring_is_heard_once_by_everybody_who_looked_before_it(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    bell = Doorbell(tmp_path / "new" / "bell", clock)
    assert not bell.rung_after(NOW - TICK)
    bell.ring()
    other = Doorbell(tmp_path / "new" / "bell", clock)
    assert other.rung_after(NOW - TICK)
    assert not other.rung_after(NOW)
    clock.advance(TICK)
    bell.ring()
    assert other.rung_after(NOW)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["bell"]


def test_a_ring_of_the_future_is_not_heard_before_it_is_due(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    bell = Doorbell(tmp_path / "bell", clock)
    bell.ring()
    clock.advance(-timedelta(hours=1))
    assert not bell.rung_after(clock())
    clock.advance(timedelta(hours=1))
    assert bell.rung_after(NOW - TICK)


def test_a_ring_is_not_earlier_than_a_look_that_had_just_begun(tmp_path: Path) -> None:
    bell = Doorbell.of(tmp_path)
    for _ in range(50):
        looked = datetime.now(UTC)
        while datetime.now(UTC) == looked:
            pass
        bell.ring()
        assert bell.rung_after(looked)


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(PermanentError, match="ring of a callback could not be written"):
        Doorbell(tmp_path / "file" / "bell").ring()
    assert not Doorbell(tmp_path / "file" / "bell").rung_after(NOW)
