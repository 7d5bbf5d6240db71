import csv
import gzip
import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests

from pipeline.sandbox import ManualClock, Sandbox

KEY = "k-7f3"

Create = Callable[..., dict[str, Any]]
Rows = list[dict[str, str]]


@pytest.fixture
def calls_per_day() -> int:
    """A module that looks at the records themselves overrides it."""
    return 12


@pytest.fixture
def sandbox(clock: ManualClock, calls_per_day: int) -> Iterator[Sandbox]:
    with Sandbox(
        calls_per_day=calls_per_day,
        clock=clock,
        pending=timedelta(0),
        processing=timedelta(0),
        api_key=KEY,
        rate_limit=None,
        newline_rate=0.05,
    ) as running:
        yield running


@pytest.fixture
def create(sandbox: Sandbox, session: requests.Session) -> Create:
    """Creates an export of September (or another window) and returns it as it reads afterwards."""

    def created(export_type: str = "cdr_in", **filters: str) -> dict[str, Any]:
        window = {"from": "2026-09-01 00:00:00", "to": "2026-10-01 00:00:00"} | filters
        attributes = {"export_type": export_type, "filters": window}
        answer = session.post(
            f"{sandbox.url}/exports",
            json={"data": {"type": "exports", "attributes": attributes}},
            headers={"Content-Type": "application/vnd.api+json"},
        )
        assert answer.status_code == 201, answer.text
        shown = session.get(f"{sandbox.url}/exports/{answer.json()['data']['id']}").json()["data"]
        return {"id": shown["id"], **shown["attributes"]}

    return created


@pytest.fixture
def rows_of(session: requests.Session, create: Create) -> Callable[..., Rows]:
    """Creates an export and reads its file with nothing but the csv module."""

    def read(export_type: str = "cdr_in", **filters: str) -> Rows:
        content = session.get(create(export_type, **filters)["url"]).content
        text = io.StringIO(gzip.decompress(content).decode(), newline="")
        return list(csv.DictReader(text, strict=True))

    return read
