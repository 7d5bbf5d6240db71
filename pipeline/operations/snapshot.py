"""Gather the state of every partition once: from manifests, the lake's log, the vendors' lists and the backlog."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from pipeline.errors import sentence
from pipeline.export.backlog import Backlog
from pipeline.export.protocol import Export, Listing
from pipeline.months import Month, month_range
from pipeline.operations.installation import Installation
from pipeline.operations.ledger import Ledger, by_partition
from pipeline.operations.listings import Listings
from pipeline.operations.state import Attempts, LoadedExport, MissingFile, Partition, PartitionState
from pipeline.warehouse.coverage import State
from pipeline.warehouse.records import KnownExport

AttemptsOf = Callable[[str], Attempts]
"""Returns the attempts to load an export, by its id."""


def untried(export_id: str) -> Attempts:
    """Return no attempts, for a caller that has no run history."""
    return Attempts()


@dataclass
class Snapshot:
    """The state of each partition, and a sentence for each dataset or partition whose state could not be read."""

    states: dict[Partition, PartitionState] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)

    def of(self, dataset: str, month: Month) -> str:
        """Return why the state of a partition could not be read; empty if it could."""
        return self.wrong.get(dataset, "") or self.wrong.get(str(Partition(dataset, month)), "")


@dataclass(frozen=True)
class _Dataset:
    """What is read once for all months of a dataset."""

    exports: Mapping[Month, list[Export]]
    known: Mapping[Month, list[KnownExport]]
    loaded: Mapping[str, str]
    missing: Mapping[str, MissingFile]
    backlog: list[Month]


@dataclass(frozen=True)
class Gatherer:
    """Gathers snapshots of one installation.

    Args:
        place: The installation.
        ledger: What is known of its exports.
        listings: Tells which exports of a list are ours.
        backlog: The months that wait until their vendor takes more requests.
    """

    place: Installation
    ledger: Ledger
    listings: Listings
    backlog: Backlog

    def gather(
        self,
        listed: Mapping[str, Listing],
        attempts: AttemptsOf = untried,
        wanted: Iterable[Partition] | None = None,
    ) -> Snapshot:
        """Return the state of every partition, or of those ``wanted``; an error about one does not stop the others.

        Args:
            listed: The vendors' lists; without a vendor's list its exports are unknown.
            attempts: Returns the attempts to load an export.
            wanted: The partitions; None means all that are kept or listed, since the first month.
        """
        made, known = Snapshot(), by_partition(self.ledger.exports())
        chosen = None if wanted is None else list(wanted)
        for name in self.place.datasets if chosen is None else dict.fromkeys(one.dataset for one in chosen):
            try:
                read = self._read(name, listed.get(self.place.vendor_name(name), Listing()), known)
                months = self._months(read) if chosen is None else [one.month for one in chosen if one.dataset == name]
            except Exception as error:  # noqa: BLE001 - any error here is about this dataset alone
                made.wrong[name] = sentence(error)
                continue
            for partition in (Partition(name, month) for month in months):
                try:
                    made.states[partition] = self._state(partition, read, attempts)
                except Exception as error:  # noqa: BLE001 - any error here is about this partition alone
                    made.wrong[str(partition)] = sentence(error)
        return made

    def _read(self, name: str, listed: Listing, known: Mapping[tuple[str, Month], list[KnownExport]]) -> _Dataset:
        return _Dataset(
            exports=self.listings.of_dataset(name, listed),
            known={month: exports for (dataset, month), exports in known.items() if dataset == name},
            loaded=self.ledger.loaded(name),
            missing=missing_files(self.place, name),
            backlog=self.backlog.months(name),
        )

    def _months(self, read: _Dataset) -> list[Month]:
        """Return the months that are kept, listed or waiting, oldest first."""
        first, now = self.place.first_month(), Month.of(self.place.clock())
        others = (month for month in (*read.exports, *read.backlog) if month >= first)
        return sorted({*month_range(first, now), *others})

    def _state(self, partition: Partition, read: _Dataset, attempts: AttemptsOf) -> PartitionState:
        month = partition.month
        exports = tuple(read.exports.get(month, ()))
        known = tuple(read.known.get(month, ()))
        loaded = self._loaded(read.loaded.get(str(month)), known)
        unloaded = [one.id for one in exports if one.ready and (loaded is None or one.id != loaded.export_id)]
        row = self.ledger.covered(partition.dataset, month, list(known))
        forced = month in read.backlog and self.backlog.force_new(partition.dataset, month)
        return PartitionState(
            partition=partition,
            coverage=row,
            months_kept=self.ledger.months_kept[partition.dataset],
            exports=exports,
            known=known,
            loaded=loaded,
            missing={one.id: read.missing[one.id] for one in exports if one.id in read.missing},
            attempts={export_id: attempts(export_id) for export_id in unloaded[-2:]},
            backlogged=month in read.backlog and (forced or row.state != State.SEALED.value),
            retained=self.place.retained(month),
            first=self.place.first_month(),
        )

    def _loaded(self, export_id: str | None, known: Iterable[KnownExport]) -> LoadedExport | None:
        """Return the export that a month holds; its manifest says when the vendor created it."""
        if export_id is None:
            return None
        landed = (one.created_at for one in known if one.export_id == export_id and one.landed_at)
        return LoadedExport(export_id, next(landed, None))


def missing_files(place: Installation, dataset: str) -> dict[str, MissingFile]:
    """Return the missing files of a dataset by export id."""
    notes = place.archive.gone(place.vendor_name(dataset), dataset)
    return {one: MissingFile(note.found_at, note.looked_at, note.looks) for one, note in notes.items()}
