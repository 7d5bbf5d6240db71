"""Verify the archive: find what is wrong for `cdr verify` and `cdr doctor`, and repair what can be repaired."""

from collections.abc import Iterator

from pipeline.errors import PermanentError
from pipeline.landing.repair import repair
from pipeline.landing.survey import Fault, check_export, survey
from pipeline.operations.installation import Installation
from pipeline.storage import exposed


def faults(place: Installation) -> Iterator[Fault]:
    """Yield every fault of the archive, after hashing every file again.

    Each fault is checked a second time under the month's lock: a file that is landing has no manifest yet.
    """
    seen = set()
    for fault in survey(place.archive):
        if fault.export is None:
            yield fault
        elif fault.export not in seen:
            seen.add(fault.export)
            with place.locked(f"{fault.export.record_type}-{fault.export.month}"):
                found = list(check_export(place.archive, fault.export))
            yield from found


def mend(place: Installation, fault: Fault) -> None:
    """Write the damaged notes of a fault again; raises ``PermanentError`` if that is impossible."""
    if fault.export is None or not fault.repairable:
        raise PermanentError(str(fault))
    with place.locked(f"{fault.export.record_type}-{fault.export.month}"):
        repair(place.archive, fault.export, place.clock())


def findings(place: Installation) -> Iterator[str]:
    """Yield a sentence for each fault of the archive that shows without reading every file."""
    if said := left_out(place):
        yield said
    if exposed(data := place.data):
        yield f"Every user of this machine can read the personal data in {data}; run `chmod o-rwx` on it."


def left_out(place: Installation) -> str:
    """Return a sentence about the exports that cannot be loaded, as notes or files are missing; empty if all can.

    The files themselves are not read.
    """
    named = [str(fault) for fault in survey(place.archive, hashed=False) if fault.export]
    return f"{len(named)} wrong in the archive: {'; '.join(named)}. Run `cdr verify`." if named else ""
