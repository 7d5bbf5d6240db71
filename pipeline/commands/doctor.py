"""What can be known before anything is asked for: key, served version, clock, disk, months at risk."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import partial

from pipeline import integrity
from pipeline.errors import sentence, writing
from pipeline.journey import Journey
from pipeline.storage import private_folder
from pipeline.warehouse.coverage import WARN_DAYS, at_risk

_LEAST_FREE_BYTES = 5 << 30
_LARGEST_SKEW_SECONDS = 4
"""A window that ends later than the vendor's now is refused; asking keeps five seconds away from ours."""


class Level(Enum):
    """How a finding is: only what is wrong makes the command fail."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """One thing looked at: how it is, and a sentence about it."""

    level: Level
    says: str


def examine(journey: Journey) -> list[Finding]:
    """Look at everything; each finding stands alone, so one that is wrong hides no other."""
    looks: list[Callable[[], Iterable[Finding]]] = [
        *(partial(look, journey, name) for name in journey.vendors for look in (_vendor, _clock)),
        *(partial(look, journey) for look in (_folder, _disk, _archive, _lake, _months)),
    ]
    return [finding for look in looks for finding in _alone(look)]


def _alone(look: Callable[[], Iterable[Finding]]) -> list[Finding]:
    try:
        return list(look())
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
        return [Finding(Level.WRONG, sentence(error))]


def _vendor(journey: Journey, name: str) -> Iterator[Finding]:
    listed = journey.listed(name)
    asked = journey.settings.of_vendor(name).api_version
    said = f"{name}: the key is good; {len(listed)} exports are listed"
    if asked:
        served = {export.api_version for export in listed if export.api_version} or {"unknown, as the list is empty"}
        said += f"; API version {', '.join(sorted(served))} is served ({asked} was asked for)"
    yield Finding(Level.WARNING if listed.doubt else Level.OK, f"{said}. {listed.doubt}".rstrip())


def _clock(journey: Journey, name: str) -> Iterator[Finding]:
    skew = journey.vendors[name].skew()
    if skew is not None:
        seconds = abs(skew.total_seconds())
        level = Level.OK if seconds <= _LARGEST_SKEW_SECONDS else Level.WRONG
        yield Finding(level, f"{name}: its clock and this machine's are {seconds:.0f} seconds apart.")


def _folder(journey: Journey) -> Iterator[Finding]:
    data = journey.settings.cdr_data_dir
    probe = data / ".doctor"
    with writing("A trial file", data):
        private_folder(data)
        probe.write_bytes(b"")
        probe.unlink()
    yield Finding(Level.OK, f"{data} can be written to.")


def _disk(journey: Journey) -> Iterator[Finding]:
    data = journey.settings.cdr_data_dir
    free = shutil.disk_usage(next(folder for folder in (data, *data.parents) if folder.exists())).free
    level = Level.OK if free > _LEAST_FREE_BYTES else Level.WRONG
    yield Finding(level, f"{free / (1 << 30):,.1f} GiB are free for {data}.")


def _lake(journey: Journey) -> Iterator[Finding]:
    """What power cuts left of the lake, and the marts that cannot be built."""
    for name in journey.schemas:
        for month in journey.half_loaded(name):
            yield Finding(Level.WRONG, f"{name} {month} is half loaded; `cdr publish` loads it again.")
    for why in journey.unbuilt():
        yield Finding(Level.WRONG, why)
    for file in (file for lake in (journey.lake, journey.copies) for file in lake.aside()):
        yield Finding(Level.WARNING, f"A damaged log was set aside, and mended; {file} may be deleted.")


def _archive(journey: Journey) -> Iterator[Finding]:
    """What is wrong with the archive, and who may read it."""
    yield from (Finding(Level.WRONG, says) for says in integrity.findings(journey))


def _months(journey: Journey) -> Iterator[Finding]:
    """The months at risk, by the rule of the alarms."""
    levels = {"warning": Level.WARNING, "error": Level.WRONG}
    risky = [(row, levels[risk]) for row in journey.coverage() if (risk := at_risk(row))]
    for row, level in risky:
        about = f"{row.record_type} {row.month} is {row.state}"
        yield Finding(level, f"{about}, and the vendor forgets it in {row.days_left} days.")
    if not risky:
        yield Finding(Level.OK, f"No month is lost within {WARN_DAYS} days.")
