"""Check, without requesting anything: key, served version, clock, disk, archive, lake, and months at risk."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import partial

from pipeline.errors import sentence, writing
from pipeline.operations.verify import findings
from pipeline.operations.wiring import Operations
from pipeline.storage import private_folder
from pipeline.warehouse.coverage import WARN_DAYS, at_risk

_LEAST_FREE_BYTES = 5 << 30
_LARGEST_SKEW_SECONDS = 4
"""A vendor refuses a window that ends in its future; requests end five seconds before our clock's time."""


class Level(Enum):
    """The level of a finding; only ``WRONG`` makes the command fail."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """One thing that was checked: its level, and a sentence about it."""

    level: Level
    says: str


def examine(operations: Operations) -> list[Finding]:
    """Return the findings of every check; a check that fails becomes a finding, and the others still run."""
    looks: list[Callable[[], Iterable[Finding]]] = [
        *(partial(look, operations, name) for name in operations.vendors for look in (_vendor, _clock)),
        *(partial(look, operations) for look in (_folder, _disk, _archive, _lake, _months)),
    ]
    return [finding for look in looks for finding in _alone(look)]


def _alone(look: Callable[[], Iterable[Finding]]) -> list[Finding]:
    try:
        return list(look())
    except Exception as error:  # noqa: BLE001 - any error is a finding
        return [Finding(Level.WRONG, sentence(error))]


def _vendor(operations: Operations, name: str) -> Iterator[Finding]:
    listed = operations.listings.read(name)
    asked = operations.settings.of_vendor(name).api_version
    said = f"{name}: the key is good; {len(listed)} exports are listed"
    if asked:
        served = {export.api_version for export in listed if export.api_version} or {"unknown, as the list is empty"}
        said += f"; API version {', '.join(sorted(served))} is served ({asked} was requested)"
    yield Finding(Level.WARNING if listed.doubt else Level.OK, f"{said}. {listed.doubt}".rstrip())


def _clock(operations: Operations, name: str) -> Iterator[Finding]:
    skew = operations.vendors[name].skew()
    if skew is not None:
        seconds = abs(skew.total_seconds())
        level = Level.OK if seconds <= _LARGEST_SKEW_SECONDS else Level.WRONG
        yield Finding(level, f"{name}: its clock and this machine's are {seconds:.0f} seconds apart.")


def _folder(operations: Operations) -> Iterator[Finding]:
    data = operations.settings.cdr_data_dir
    probe = data / ".doctor"
    with writing("A trial file", data):
        private_folder(data)
        probe.write_bytes(b"")
        probe.unlink()
    yield Finding(Level.OK, f"{data} can be written to.")


def _disk(operations: Operations) -> Iterator[Finding]:
    data = operations.settings.cdr_data_dir
    free = shutil.disk_usage(next(folder for folder in (data, *data.parents) if folder.exists())).free
    level = Level.OK if free > _LEAST_FREE_BYTES else Level.WRONG
    yield Finding(level, f"{free / (1 << 30):,.1f} GiB are free for {data}.")


def _lake(operations: Operations) -> Iterator[Finding]:
    """Yield months that a power cut left half loaded, marts that cannot be built, and logs that were set aside."""
    for name in operations.place.schemas:
        for month in operations.ledger.half_loaded(name):
            yield Finding(Level.WRONG, f"{name} {month} is half loaded; run `cdr publish` to load it again.")
    for why in operations.publisher.unbuilt():
        yield Finding(Level.WRONG, why)
    for file in (file for lake in (operations.place.lake, operations.place.copies) for file in lake.aside()):
        yield Finding(Level.WARNING, f"A damaged log was set aside and repaired; {file} may be deleted.")


def _archive(operations: Operations) -> Iterator[Finding]:
    """Yield the faults of the archive, and whether other users may read it."""
    yield from (Finding(Level.WRONG, says) for says in findings(operations.place))


def _months(operations: Operations) -> Iterator[Finding]:
    """Yield the months at risk, by the rule of the alarms."""
    levels = {"warning": Level.WARNING, "error": Level.WRONG}
    risky = [(row, levels[risk]) for row in operations.ledger.coverage() if (risk := at_risk(row))]
    for row, level in risky:
        about = f"{row.record_type} {row.month} is {row.state}"
        yield Finding(level, f"{about}, and the vendor forgets it in {row.days_left} days.")
    if not risky:
        yield Finding(Level.OK, f"No month is lost within {WARN_DAYS} days.")
