"""What the crash test of the commands starts and kills: each does what the command of its name does, in one process."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from pipeline.expiry import expire
from pipeline.integrity import faults
from pipeline.journey import Journey
from pipeline.months import Month
from tests.crash.worker import bring, journey


@dataclass(frozen=True)
class Place:
    """Where a command runs: the vendor's address, the data directory, the instant, and for how long calls are kept."""

    url: str
    key: str
    data: str
    now: datetime
    months: tuple[Month, ...]
    retained: int = 0

    def open(self) -> Journey:
        """The journey over it, as a process of its own would make it."""
        made = journey(self.url, self.key, self.data, self.now)
        kept = made.settings.model_copy(update={"cdr_call_retention_months": self.retained})
        return Journey(kept, made.vendors, clock=lambda: self.now)


COMMANDS: dict[str, Callable[[Journey, Place, str], object]] = {
    "backfill": lambda here, place, number: bring(here, [month for month in place.months if not here.expired(month)]),
    "rebuild": lambda here, place, number: list(here.rebuild()),
    "publish": lambda here, place, number: here.refresh(),
    "erase": lambda here, place, number: list(here.erase(number)),
    "retain": lambda here, place, number: expire(here),
    "report": lambda here, place, number: [here.report(month, again=True) for month in here.reportable()],
    "verify": lambda here, place, number: list(faults(here)),
}


def run(command: str, place: Place, number: str) -> None:
    """Run a command to its end."""
    COMMANDS[command](place.open(), place, number)
