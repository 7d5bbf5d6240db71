"""What the crash test of the commands starts and kills: each does what the command of its name does, in one process."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from pipeline.months import Month
from pipeline.operations.verify import faults
from pipeline.operations.wiring import Operations
from tests.crash.worker import bring, operations


@dataclass(frozen=True)
class Place:
    """Where a command runs: the vendor's address, the data directory, the instant, and for how long calls are kept."""

    url: str
    key: str
    data: str
    now: datetime
    months: tuple[Month, ...]
    retained: int = 0

    def open(self) -> Operations:
        """The operations over it, as a process of its own would make it."""
        made = operations(self.url, self.key, self.data, self.now)
        kept = made.settings.model_copy(update={"cdr_call_retention_months": self.retained})
        return Operations(kept, made.vendors, clock=lambda: self.now)


COMMANDS: dict[str, Callable[[Operations, Place, str], object]] = {
    "backfill": lambda here, place, number: bring(
        here, [month for month in place.months if here.place.retained(month)]
    ),
    "rebuild": lambda here, place, number: list(here.rebuilder.rebuild()),
    "publish": lambda here, place, number: here.rebuilder.refresh(),
    "erase": lambda here, place, number: list(here.rebuilder.erase(number)),
    "retain": lambda here, place, number: here.expirer.expire(),
    "report": lambda here, place, number: [
        here.publisher.report(month, again=True) for month in here.publisher.reportable()
    ],
    "verify": lambda here, place, number: list(faults(here.place)),
}


def run(command: str, place: Place, number: str) -> None:
    """Run a command to its end."""
    COMMANDS[command](place.open(), place, number)
