from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import requests

from pipeline.sandbox import ManualClock
from pipeline.sandbox.running import Running

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def session(sandbox: Running) -> Iterator[requests.Session]:
    """A session with the key of the module's sandbox."""
    with requests.Session() as opened:
        opened.headers[sandbox.key_header] = sandbox.api_key
        opened.trust_env = False
        yield opened
