"""Know our exports in a list that does not repeat what we asked for: by our notes, and after a crash by their look."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pipeline.dataset import Dataset
from pipeline.export.protocol import Export, ExportVendor, Listing

EARLIEST, LATEST = -timedelta(seconds=5), timedelta(seconds=15)
"""How far from the moment of our POST the vendor may say that it created an export, by its own clock."""


@dataclass(frozen=True)
class Note:
    """What was asked for under an export's id."""

    reference: str
    start: datetime
    end: datetime


Notes = Callable[[Collection[str]], Mapping[str, Note]]
"""Tells what is noted of exports, by their ids, for those of which anything is."""


def recognised(listed: Listing, notes: Notes) -> Listing:
    """The list, where an export that carries no reference has that of our note, and the window if it says none."""
    noted = notes({export.id for export in listed if export.reference is None})
    known = (completed(export, noted[export.id]) if export.id in noted else export for export in listed)
    return Listing(known, listed.doubt)


def alike(sent: Note, at: datetime, unknown: Iterable[Export]) -> Export | None:
    """The one export that our lost POST may have created, of those that nothing else explains.

    ``at`` is when it was sent, by the vendor's clock. Where two look alike neither is taken: one more export costs
    nothing, one of somebody else would be taken for ours.
    """
    found = [
        export
        for export in unknown
        if export.reference is None
        and EARLIEST <= export.created_at - at <= LATEST
        and export.start in (None, sent.start)
        and export.end in (None, sent.end)
    ]
    return completed(found[0], sent) if len(found) == 1 else None


def completed(export: Export, note: Note) -> Export:
    """The export with what was asked for where the vendor does not say it: what the vendor says goes first."""
    if export.reference is not None:
        return export
    start, end = export.start or note.start, export.end or note.end
    return replace(export, reference=note.reference, start=start, end=end, noted=True)


def of_dataset(vendor: ExportVendor, dataset: Dataset, listed: Iterable[Export]) -> list[Export]:
    """The exports that may be of a dataset: what we noted surely is what we asked for, however it is repeated."""
    return [export for export in listed if export.noted or vendor.holds(export, dataset)]
