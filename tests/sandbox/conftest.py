from datetime import UTC, datetime

import pytest

from pipeline.sandbox import ManualClock

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)
