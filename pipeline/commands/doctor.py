"""What can be known before anything is asked for: key, served version, clock, disk, months at risk."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline import integrity
from pipeline.errors import PermanentError, TransientError, writing
from pipeline.journey import Journey
from pipeline.private import private_folder

_LEAST_FREE_BYTES = 5 << 30
_RISK_DAYS = 14
_LARGEST_SKEW_SECONDS = 4
"""A window that ends later than the vendor's now is refused; asking keeps five seconds away from ours."""


@dataclass(frozen=True)
class Finding:
    """One thing looked at: whether it is well, and a sentence about it."""

    ok: bool
    says: str


def examine(journey: Journey) -> list[Finding]:
    """Look at everything; each finding stands alone, so one that is wrong hides no other."""
    vendors = [finding for name in journey.vendors for finding in (_vendor(journey, name), *_clock(journey, name))]
    held = [_folder(journey), _disk(journey), *_archive(journey), *_lake(journey)]
    return [*vendors, *held, *_months(journey)]


def _vendor(journey: Journey, name: str) -> Finding:
    try:
        listed = journey.listed(name)
    except (PermanentError, TransientError) as error:
        return Finding(ok=False, says=str(error))
    asked = journey.settings.entry(name).api_version
    said = f"{name}: the key is good; {len(listed)} exports are listed"
    if asked:
        served = {export.api_version for export in listed if export.api_version} or {"unknown, as the list is empty"}
        said += f"; API version {', '.join(sorted(served))} is served ({asked} was asked for)"
    return Finding(ok=not listed.doubt, says=f"{said}. {listed.doubt}".rstrip())


def _clock(journey: Journey, name: str) -> Iterator[Finding]:
    skew = journey.vendors[name].skew()
    if skew is not None:
        seconds = abs(skew.total_seconds())
        yield Finding(
            ok=seconds <= _LARGEST_SKEW_SECONDS,
            says=f"{name}: its clock and this machine's are {seconds:.0f} seconds apart.",
        )


def _folder(journey: Journey) -> Finding:
    data = journey.settings.cdr_data_dir
    probe = data / ".doctor"
    try:
        with writing("A trial file", data):
            private_folder(data)
            probe.write_bytes(b"")
            probe.unlink()
    except PermanentError as error:
        return Finding(ok=False, says=str(error))
    return Finding(ok=True, says=f"{data} can be written to.")


def _disk(journey: Journey) -> Finding:
    data = journey.settings.cdr_data_dir
    free = shutil.disk_usage(next(folder for folder in (data, *data.parents) if folder.exists())).free
    return Finding(ok=free > _LEAST_FREE_BYTES, says=f"{free / (1 << 30):,.1f} GiB are free for {data}.")


def _lake(journey: Journey) -> Iterator[Finding]:
    """What power cuts left of the lake, and the marts that cannot be built."""
    for name in journey.schemas:
        for month in journey.half_loaded(name):
            yield Finding(ok=False, says=f"{name} {month} is half loaded; `cdr publish` loads it again.")
    for why in journey.unbuilt():
        yield Finding(ok=False, says=why)
    for file in (file for lake in (journey.lake, journey.copies) for file in lake.aside()):
        yield Finding(ok=True, says=f"A damaged log was set aside, and mended; {file} may be deleted.")


def _archive(journey: Journey) -> Iterator[Finding]:
    """What is wrong with the archive, and who may read it."""
    yield from (Finding(ok=False, says=says) for says in integrity.findings(journey))


def _months(journey: Journey) -> Iterator[Finding]:
    open_ = (row for row in journey.coverage() if row.state not in ("sealed", "expired"))
    risky = [row for row in open_ if row.days_left is not None and 0 <= row.days_left < _RISK_DAYS]
    for row in risky:
        yield Finding(
            ok=row.rows is not None,
            says=f"{row.record_type} {row.month} is {row.state}, and the vendor forgets it in {row.days_left} days.",
        )
    if not risky:
        yield Finding(ok=True, says=f"No month is lost within {_RISK_DAYS} days.")
