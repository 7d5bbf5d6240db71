"""Read the vendors' lists of exports, and tell which of these exports are ours."""

from collections.abc import Collection, Iterable, Mapping

from pipeline.export.matching import Noted, matched, of_dataset
from pipeline.export.protocol import Export, ExportVendor, Listing
from pipeline.export.requests import of_month, series
from pipeline.months import Month
from pipeline.operations.installation import Installation


class Listings:
    """Reads the vendors' lists.

    Args:
        place: The installation, whose archive has the notes of our requests.
        vendors: The vendors by name.
    """

    def __init__(self, place: Installation, vendors: Mapping[str, ExportVendor]) -> None:
        self._place = place
        self.vendors = vendors

    def read(self, vendor: str) -> Listing:
        """Return every export that a vendor lists; ours get the references under which they were requested."""
        return matched(self.vendors[vendor].exports(), lambda ids: self.noted(vendor, ids))

    def read_all(self, vendors: Iterable[str] | None = None) -> tuple[dict[str, Listing], dict[str, Exception]]:
        """Return the lists of all vendors, or of ``vendors``, and the error of each list that could not be read."""
        found: dict[str, Listing] = {}
        unread: dict[str, Exception] = {}
        for name in self.vendors if vendors is None else vendors:
            try:
                found[name] = self.read(name)
            except Exception as error:  # noqa: BLE001 - any error here is about this vendor alone
                unread[name] = error
        return found, unread

    def of_dataset(self, dataset: str, listed: Iterable[Export]) -> dict[Month, list[Export]]:
        """Return our exports of a dataset in its vendor's list, by month, oldest first."""
        months: dict[Month, list[Export]] = {}
        for export in listed:
            if export.start and export.reference:
                months.setdefault(Month.of(export.start), []).append(export)
        found = {month: self.ours(dataset, month, months[month]) for month in sorted(months)}
        return {month: ours for month, ours in found.items() if ours}

    def ours(self, dataset: str, month: Month, listed: Iterable[Export]) -> list[Export]:
        """Return our exports of one month in its vendor's list, oldest first.

        Args:
            dataset: The dataset.
            month: The month.
            listed: The exports of the list.
        """
        of_ours = of_month(self.series(dataset), month, listed)  # a few of thousands: the next filter is slower
        return of_dataset(self._vendor(dataset), self._place.datasets[dataset], of_ours)

    def series(self, dataset: str) -> str:
        """Return the prefix of the references of a dataset."""
        installation, one = self._place.settings.cdr_installation, self._place.datasets[dataset]
        return series(installation, one, self._vendor(dataset).reference_length)

    def noted(self, vendor: str, export_ids: Collection[str]) -> dict[str, Noted]:
        """Return our notes of these exports, without those of datasets whose declaration has changed since."""
        fingerprints = {dataset.name: dataset.fingerprint for dataset in self._place.datasets.values()}
        return {
            one.export_id: Noted(one.reference, one.window_start, one.window_end)
            for one in self._place.archive.requested_among(vendor, export_ids)
            if one.made_for in ("", fingerprints.get(one.record_type))
        }

    def _vendor(self, dataset: str) -> ExportVendor:
        return self.vendors[self._place.vendor_name(dataset)]
