"""What the crash tests start and kill: the whole path, over months that are given, in a process of its own."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from pydantic import SecretStr

from pipeline.export.action import Verb
from pipeline.journey import Journey
from pipeline.months import Month, month_range
from pipeline.settings import CALLS, Settings
from tests.didww import client


def journey(url: str, key: str, data: str, now: datetime) -> Journey:
    """A journey at a fixed instant, that asks as fast as it can."""
    settings = Settings(didww_api_key=SecretStr(key), didww_api_url=url, cdr_data_dir=Path(data), _env_file=None)
    return Journey(settings, {"didww": client(url, key)}, clock=lambda: now)


def bring_everything(url: str, key: str, data: str, now: datetime) -> None:
    """Ask, land, load, build and publish whatever of the vendor's three months is not there yet."""
    running = Month.of(now)
    bring(journey(url, key, data, now), month_range(running.shift(-2), running))


def bring(here: Journey, months: Sequence[Month]) -> None:
    """Ask, land, load, build and publish whatever of these months is not there yet."""
    for record_type in CALLS:
        list(here.ask(record_type, months))
        for month in months:
            action = here.plan(record_type, month, here.listed("didww"))
            if action.verb is Verb.LOAD and action.export:
                here.land(record_type, month, action.export)
                here.load(record_type, month)
    if here.behind() or not here.is_published():
        here.refresh()
