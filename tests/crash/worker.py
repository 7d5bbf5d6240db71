"""What the crash tests start and kill: the whole path, over months that are given, in a process of its own."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from pydantic import SecretStr

from pipeline.months import Month, month_range
from pipeline.operations.state import Verb
from pipeline.operations.wiring import Operations
from pipeline.settings import CALLS, Settings
from tests.didww import client
from tests.integration.totals import planned


def operations(url: str, key: str, data: str, now: datetime) -> Operations:
    """A operations at a fixed instant, that asks as fast as it can."""
    settings = Settings(didww_api_key=SecretStr(key), didww_api_url=url, cdr_data_dir=Path(data), _env_file=None)
    return Operations(settings, {"didww": client(url, key)}, clock=lambda: now)


def bring_everything(url: str, key: str, data: str, now: datetime) -> None:
    """Ask, land, load, build and publish whatever of the vendor's three months is not there yet."""
    running = Month.of(now)
    bring(operations(url, key, data, now), month_range(running.shift(-2), running))


def bring(here: Operations, months: Sequence[Month]) -> None:
    """Ask, land, load, build and publish whatever of these months is not there yet."""
    for record_type in CALLS:
        here.requester.request(record_type, months).all()
        for month in months:
            action = planned(here, record_type, month)
            if action.verb is Verb.LOAD and action.export:
                here.lander.land(record_type, month, action.export)
                here.loader.load(record_type, month)
    if here.publisher.behind() or not here.publisher.is_published():
        here.rebuilder.refresh()
