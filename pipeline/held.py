"""What lies in one data directory: the archive, the lake, and what each month holds and lacks."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import cached_property, partial

import pyarrow as pa

from pipeline.datasets import datasets, record_types
from pipeline.landing.archive import Archive
from pipeline.landing.notes import Manifest
from pipeline.ledger import known_exports, with_expired
from pipeline.locks import held
from pipeline.months import Month
from pipeline.normalise.table import Table
from pipeline.privacy.clocks import Clocks
from pipeline.settings import CALLS, Settings
from pipeline.vendors import months_kept, table
from pipeline.warehouse.coverage import coverage
from pipeline.warehouse.lake import Lake, rejected_table
from pipeline.warehouse.records import Coverage, KnownExport


class Held:
    """The data directory that the settings name.

    ``clock`` tells the time, aware, else the machine's. With ``as_of`` it shows what was known at that instant.
    """

    def __init__(
        self, settings: Settings, clock: Callable[[], datetime] | None = None, as_of: datetime | None = None
    ) -> None:
        self.settings = settings
        self.datasets = datasets(settings)
        self.clock: Callable[[], datetime] = (lambda: as_of) if as_of else clock or partial(datetime.now, UTC)
        self._as_of = as_of
        self.archive = Archive(settings.cdr_data_dir / "landing")
        self.lake = Lake(settings.cdr_data_dir / "lake", as_of)
        self.copies = Lake(settings.cdr_data_dir / "shared", as_of)
        self.kept = settings.cdr_data_dir / "aggregates"
        self.clocks = Clocks(settings.cdr_retain_number_months, settings.cdr_retain_aggregate_months)
        self.warehouse = settings.cdr_data_dir / "warehouse.duckdb"

    @cached_property
    def tables(self) -> dict[str, Table]:
        """How the rows of every dataset are typed; of calls also where they are not kept, because marts read them."""
        return {name: table(dataset) for name, dataset in {**record_types(CALLS), **self.datasets}.items()}

    @cached_property
    def schemas(self) -> dict[str, pa.Schema]:
        """The schema of each of these tables in the lake."""
        return {name: one.schema for name, one in self.tables.items()}

    def keys(self) -> set[str]:
        """The keys of every vendor, which must be in no message."""
        vendors = {dataset.vendor for dataset in self.datasets.values()}
        return {self.settings.entry(vendor).api_key.get_secret_value() for vendor in vendors}

    @property
    def personal(self) -> dict[str, frozenset[str]]:
        """The columns of each table that were declared to show people."""
        return {name: self.datasets[name].personal if name in self.datasets else frozenset() for name in self.tables}

    def expired(self, month: Month) -> bool:
        """Whether the settings forbid to keep the month's calls any more."""
        return self.clocks.calls_expired(month, self.clock())

    def first_month(self) -> Month:
        """The first month to keep: the setting, else the oldest that landed or that the vendor still has."""
        if self.settings.cdr_start_month:
            return Month.parse(self.settings.cdr_start_month)
        return min([*self.archive.months(), Month.of(self.clock()).shift(-2)])

    def loaded(self, record_type: str) -> dict[str, str]:
        """The export that each month of the lake holds, with its rejected records; none of what is half loaded."""
        rejected = self.lake.version_keys(rejected_table(record_type))
        return {month: one for month, one in self.lake.version_keys(record_type).items() if rejected.get(month) == one}

    def half_loaded(self, record_type: str) -> dict[str, set[str]]:
        """The months of which a kill or a power cut left one of two tables behind, and the exports that these hold."""
        both = self.lake.version_keys(record_type), self.lake.version_keys(rejected_table(record_type))
        found = {month: {stems[month] for stems in both if month in stems} for month in {*both[0], *both[1]}}
        return {month: ids for month, ids in sorted(found.items()) if self.loaded(record_type).get(month) not in ids}

    def known_landed(self) -> list[Manifest]:
        """What landed, and has not expired, of the datasets that are kept now: how others are read is not known."""
        return [one for one in self.archive.landed() if one.record_type in self.tables and not one.expired]

    def unread(self) -> str:
        """The datasets of which files landed and that are not kept now, so that it is not known how they are read."""
        landed = {one.record_type for one in self.archive.landed() if not one.expired}
        return ", ".join(sorted(landed - self.tables.keys()))

    def months(self) -> list[Month]:
        """Every month of which the lake holds something."""
        return sorted(
            {Month.parse(month) for record_type in self.schemas for month in self.lake.version_keys(record_type)}
        )

    def coverage(self) -> list[Coverage]:
        """One row per record type and month: its state, what is loaded, and how long the vendor still has it."""
        return self._coverage(self.known_exports())

    def known_exports(self) -> list[KnownExport]:
        """Every export that was asked for or landed here, with what is known of it."""
        return known_exports(self.archive, self.lake, self.schemas, self.settings.cdr_data_dir, self._as_of)

    def _coverage(self, exports: list[KnownExport]) -> list[Coverage]:
        kept = {name: months_kept(dataset.vendor) for name, dataset in self.datasets.items()}
        rows = coverage(exports, kept, self.first_month(), self.clock())
        return with_expired(rows, exports, self.expired)

    def locked(self, name: str) -> AbstractContextManager[None]:
        """A lock that the processes of this machine share; it ends with the process that holds it."""
        return held(self.settings.cdr_data_dir, name)


def refusal(month: Month) -> str:
    """Why a month is not brought in that may not be kept."""
    return f"{month} is older than CDR_RETAIN_NUMBER_MONTHS allows; raise that to bring it in."
