"""What is held in one data directory: the archive, the lake, the published file, and what each month lacks.

Reading and showing need no vendor: all of it is in files.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from pathlib import Path

import pyarrow as pa
from filelock import FileLock

from pipeline.datasets import datasets, record_types
from pipeline.errors import PermanentError, writing
from pipeline.landing.archive import Archive
from pipeline.ledger import control_totals, known_differences, known_exports, with_expired
from pipeline.months import Month
from pipeline.normalise.schema import REJECTED
from pipeline.normalise.table import Table
from pipeline.privacy.clocks import Clocks
from pipeline.privacy.pseudonym import Pseudonyms
from pipeline.settings import CALLS, Settings
from pipeline.sharing import Shared
from pipeline.vendors import months_kept, table
from pipeline.warehouse.coverage import coverage
from pipeline.warehouse.forgetting import forget, kept_months, tables
from pipeline.warehouse.lake import Lake
from pipeline.warehouse.marts import build, is_behind
from pipeline.warehouse.publish import Edition, Snapshot, fingerprint, publish, shown_in
from pipeline.warehouse.queries import Query, models, trends
from pipeline.warehouse.records import ControlTotal, Coverage, KnownExport, Revision, as_table


class Holdings:
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

    @cached_property
    def shared(self) -> Shared | None:
        """The lake under pseudonyms; None where the settings name no key for them."""
        key, digits = self.settings.cdr_pseudonym_key.get_secret_value(), self.settings.cdr_pseudonym_digits
        return Shared(self.lake, self.copies, Pseudonyms(key, digits), self.personal) if key else None

    def expired(self, month: Month) -> bool:
        """Whether the settings forbid to keep the month's calls any more."""
        return self.clocks.calls_expired(month, self.clock())

    def first_month(self) -> Month:
        """The first month to keep: the setting, else the oldest that landed or that the vendor still has."""
        if self.settings.cdr_start_month:
            return Month.parse(self.settings.cdr_start_month)
        landed = (Month.parse(path.name) for path in self.archive.root.glob("*/*/????-??"))
        return min([*landed, Month.of(self.clock()).shift(-2)])

    def loaded(self, record_type: str) -> dict[str, str]:
        """The export that each month of the lake holds."""
        return self.lake.stems(record_type)

    def months(self) -> list[Month]:
        """Every month of which the lake holds something."""
        return sorted({Month.parse(month) for record_type in self.schemas for month in self.loaded(record_type)})

    def build(self, query: Query, month: Month) -> bool:
        """Bring one month of a mart up to date; False where nothing that it reads has changed, or nothing is loaded."""
        with self.locked(f"{query.name}-{month}"):
            return month in self.months() and build(self.lake, query, str(month), self.schemas)

    def behind(self) -> list[Month]:
        """The months of which some mart is not what its inputs would make it now."""
        return [month for month in self.months() if any(is_behind(self.lake, q, str(month)) for q in models())]

    def is_published(self) -> bool:
        """Whether ``warehouse.duckdb`` shows what the lake holds."""
        return self.warehouse.exists() and not self.shown_is_old()

    def shown_is_old(self) -> bool:
        """Whether there is a ``warehouse.duckdb`` that shows anything else than what is held now."""
        if not self.warehouse.exists():
            return False
        if self.shared and any(self.shared.behind()):
            return True
        return shown_in(self.warehouse) != fingerprint(self.shared or self.lake, self._edition())

    def refresh(self) -> None:
        """Build every mart that is behind, and publish."""
        for month in self.behind():
            for query in models():
                self.build(query, month)
        self.publish()
        self.tidy()

    def publish(self, target: Path | None = None) -> None:
        """Write a new ``warehouse.duckdb``, or another file, and swap it in."""
        publish(target or self.warehouse, self._shown(), self._edition())

    def _shown(self) -> Snapshot:
        """The lake as analysts may see it; raises ``PermanentError`` where a forgotten key would bare the numbers."""
        if self.shared is None:
            if tables(self.copies):
                raise PermanentError(
                    "This archive is published under pseudonyms, and CDR_PSEUDONYM_KEY is not set, so nothing was "
                    f"published; set it, or remove {self.copies.root} to publish the numbers themselves."
                )
            return self.lake
        if self._as_of is None:
            self.shared.refresh(self.locked)
        return self.shared

    def reportable(self) -> list[Month]:
        """Every month that ``warehouse.duckdb`` shows something of."""
        from pipeline.report import reportable

        return reportable(self.warehouse)

    def report_file(self, month: Month) -> Path:
        """Where the report of a month lies."""
        return self.settings.cdr_data_dir / "reports" / f"{month}.html"

    def report(self, month: Month, target: Path | None = None, *, again: bool = False) -> bool:
        """Write a month's report of what is published; False where the one there says the same, unless ``again``."""
        from pipeline.report import write  # its libraries are loaded where something is drawn alone

        with self.locked(f"report-{month}"):
            return write(self.warehouse, month, target or self.report_file(month), again=again)

    def tidy(self) -> None:
        """Delete what no snapshot shows that anyone may still be reading."""
        for lake in (self.lake, self.copies):
            lake.vacuum(timedelta(days=self.settings.cdr_history_days))

    def forget(self, months: Iterable[str]) -> None:
        """Delete what only older snapshots of these months show; publish first, so that nobody is shown it."""
        for month in months:
            for lake, prefix in ((self.lake, ""), (self.copies, "share-")):
                for name in tables(lake):
                    with self.locked(f"{prefix}{name if prefix else name.removesuffix('_rejected')}-{month}"):
                        forget(lake, name, month)

    def coverage(self) -> list[Coverage]:
        """One row per record type and month: its state, what is loaded, and how long the vendor still has it."""
        return self._coverage(self.known_exports())

    def known_exports(self) -> list[KnownExport]:
        """Every export that was asked for or landed here, with what is known of it."""
        return known_exports(self.archive, self.lake, self.schemas, self.settings.cdr_data_dir, self._as_of)

    def _edition(self) -> Edition:
        exports = self.known_exports()
        shown = self._coverage(exports)
        records = {
            "exports": as_table(exports, KnownExport),
            "control_totals": as_table(control_totals(exports), ControlTotal),
            "coverage": as_table(shown, Coverage),
            "differences": as_table(known_differences(self.lake, self.schemas), Revision),
        }
        return Edition(self.schemas, REJECTED, [*models(), *trends()], records, kept_months(self.kept))

    def _coverage(self, exports: list[KnownExport]) -> list[Coverage]:
        kept = {name: months_kept(dataset.vendor) for name, dataset in self.datasets.items()}
        rows = coverage(exports, kept, self.first_month(), self.clock())
        return with_expired(rows, exports, self.expired)

    def locked(self, name: str) -> FileLock:
        """A lock that the processes of this machine share; it ends with whoever holds it."""
        folder = self.settings.cdr_data_dir / ".locks"
        with writing("A lock", folder):
            folder.mkdir(parents=True, exist_ok=True)
        return FileLock(folder / f"{name}.lock")
