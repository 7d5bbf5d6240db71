"""One installation: the data directory that the settings name, its datasets, and its clock."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path

import pyarrow as pa

from pipeline.landing.archive import Archive
from pipeline.locks import held, slot
from pipeline.months import Month
from pipeline.normalise.table import Table
from pipeline.operations.datasets import datasets, record_types
from pipeline.operations.vendors import table
from pipeline.privacy.retention import RetentionPolicy
from pipeline.settings import CALLS, Settings
from pipeline.warehouse.lake import Lake


class Installation:
    """The files of one installation, and how to read them.

    Args:
        settings: The settings.
        clock: Returns the time, aware; None is the machine's clock.
        as_of: Show what was known at this time; None shows what is known now.
    """

    def __init__(
        self, settings: Settings, clock: Callable[[], datetime] | None = None, as_of: datetime | None = None
    ) -> None:
        self.settings = settings
        self.as_of = as_of
        self.clock: Callable[[], datetime] = (lambda: as_of) if as_of else clock or partial(datetime.now, UTC)
        self.datasets = datasets(settings)
        self.data = settings.cdr_data_dir
        self.archive = Archive(self.data / "landing")
        self.lake = Lake(self.data / "lake", as_of)
        self.copies = Lake(self.data / "shared", as_of)
        self.kept = self.data / "aggregates"
        self.warehouse = self.data / "warehouse.duckdb"
        self.retention = RetentionPolicy(settings.cdr_call_retention_months, settings.cdr_aggregate_retention_months)

    @cached_property
    def tables(self) -> dict[str, Table]:
        """The table definition of every dataset; call tables are always included, because marts read them."""
        return {name: table(dataset) for name, dataset in {**record_types(CALLS), **self.datasets}.items()}

    @cached_property
    def schemas(self) -> dict[str, pa.Schema]:
        """The schema of each of these tables in the lake."""
        return {name: one.schema for name, one in self.tables.items()}

    @property
    def personal(self) -> dict[str, frozenset[str]]:
        """The columns of each table that are declared as personal."""
        return {name: self.datasets[name].personal if name in self.datasets else frozenset() for name in self.tables}

    def vendor_name(self, dataset: str) -> str:
        """Return the vendor of a dataset."""
        return self.datasets[dataset].vendor

    def keys(self) -> set[str]:
        """Return the API keys of all vendors; no message may contain one."""
        vendors = {dataset.vendor for dataset in self.datasets.values()}
        return {self.settings.of_vendor(vendor).api_key.get_secret_value() for vendor in vendors}

    def retained(self, month: Month) -> bool:
        """Return whether the settings allow keeping the month's calls."""
        return not self.retention.calls_expired(month, self.clock())

    def first_month(self) -> Month:
        """Return the first month to keep: the setting, else the oldest month that landed or that vendors still have."""
        if self.settings.cdr_start_month:
            return Month.parse(self.settings.cdr_start_month)
        return min([*self.archive.months(), Month.of(self.clock()).shift(-2)])

    def report_file(self, month: Month) -> Path:
        """Return the path of a month's report."""
        return self.data / "reports" / f"{month}.html"

    def locked(self, name: str) -> AbstractContextManager[None]:
        """Return a lock that the processes of this machine share; the operating system releases it after a kill."""
        return held(self.data, name)

    def slot(self, name: str, count: int) -> AbstractContextManager[None]:
        """Return one of ``count`` locks of a name that the processes of this machine share."""
        return slot(self.data, name, count)
