"""Match listed exports without a reference with our own notes, and after a crash by time and window."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pipeline.dataset import Dataset
from pipeline.export.protocol import Export, ExportVendor, Listing

EARLIEST, LATEST = -timedelta(seconds=5), timedelta(seconds=15)
"""How far before and after our POST an export of it may have been created, by the vendor's clock."""


@dataclass(frozen=True)
class Noted:
    """What was requested under an export's id."""

    reference: str
    start: datetime
    end: datetime


Notes = Callable[[Collection[str]], Mapping[str, Noted]]
"""Returns the notes of exports by id; ids without a note are left out."""


def matched(listed: Listing, notes: Notes) -> Listing:
    """Return the list with the references of our notes, if the vendor does not repeat them."""
    noted = notes({export.id for export in listed if export.reference is None})
    known = (completed(export, noted[export.id]) if export.id in noted else export for export in listed)
    return Listing(known, listed.doubt)


def lookalike(sent: Noted, at: datetime, listed: Iterable[Export]) -> Export | None:
    """Return the one export that our lost POST may have created; None if no export may, or more than one.

    With None another export is requested, which does no harm. A foreign export that is taken for ours would load
    foreign data.

    Args:
        sent: What the POST requested.
        at: When it was sent, by the vendor's clock.
        listed: The exports of the list.
    """
    found = [
        export
        for export in listed
        if export.reference is None
        and EARLIEST <= export.created_at - at <= LATEST
        and export.start in (None, sent.start)
        and export.end in (None, sent.end)
    ]
    return completed(found[0], sent) if len(found) == 1 else None


def completed(export: Export, noted: Noted) -> Export:
    """Return the export with reference and window from our note; what the vendor says wins."""
    if export.reference is not None:
        return export
    start, end = export.start or noted.start, export.end or noted.end
    return replace(export, reference=noted.reference, start=start, end=end, noted=True)


def of_dataset(vendor: ExportVendor, dataset: Dataset, listed: Iterable[Export]) -> list[Export]:
    """Return the exports that may be of a dataset: those with our note, and those that the vendor does not rule out.

    Args:
        vendor: The vendor.
        dataset: The dataset.
        listed: The exports of the list.
    """
    return [export for export in listed if export.noted or vendor.holds(export, dataset)]
