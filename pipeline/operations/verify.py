"""Whether the archive is whole: what `cdr verify` names, and what it can mend."""

from collections.abc import Iterator

from pipeline.errors import PermanentError
from pipeline.landing.remaking import remake
from pipeline.landing.survey import Fault, look_at, survey
from pipeline.operations.installation import Installation
from pipeline.storage import exposed


def faults(place: Installation) -> Iterator[Fault]:
    """Everything that is wrong with the archive, every file hashed again.

    What seems wrong is looked at once more under the month's lock: a file that is landing has no manifest yet.
    """
    seen = set()
    for fault in survey(place.archive):
        if fault.place is None:
            yield fault
        elif fault.place not in seen:
            seen.add(fault.place)
            with place.locked(f"{fault.place.record_type}-{fault.place.month}"):
                found = list(look_at(place.archive, fault.place))
            yield from found


def mend(place: Installation, fault: Fault) -> None:
    """Write the notes again that a fault is about; raises ``PermanentError`` where that cannot be done."""
    if fault.place is None or not fault.mendable:
        raise PermanentError(str(fault))
    with place.locked(f"{fault.place.record_type}-{fault.place.month}"):
        remake(place.archive, fault.place, place.clock())


def findings(place: Installation) -> Iterator[str]:
    """A sentence for each thing that is wrong with the archive and can be seen without reading every file."""
    if said := left_out(place):
        yield said
    if exposed(data := place.data):
        yield f"Every user of this machine can read the personal data in {data}; run `chmod o-rwx` on it."


def left_out(place: Installation) -> str:
    """What of the archive cannot be loaded because its notes or its file are missing, in a sentence; empty if all can.

    The files themselves are not read.
    """
    named = [str(fault) for fault in survey(place.archive, hashed=False) if fault.place]
    return f"{len(named)} wrong in the archive: {'; '.join(named)}. Run `cdr verify`." if named else ""
