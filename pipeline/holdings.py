"""What is held in one data directory: the archive, the lake, the published file, and what each month lacks.

Reading and showing need no vendor: all of it is in files.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from pathlib import Path

import pyarrow as pa
from filelock import FileLock

from pipeline.errors import writing
from pipeline.landing.archive import Archive, Manifest
from pipeline.ledger import known_differences, known_exports
from pipeline.months import Month
from pipeline.normalise.schema import COST, REJECTED, schema_of
from pipeline.settings import Settings
from pipeline.warehouse.coverage import Coverage, KnownExport, Revision, as_table, coverage
from pipeline.warehouse.lake import Lake
from pipeline.warehouse.marts import build, is_behind
from pipeline.warehouse.publish import Edition, publish
from pipeline.warehouse.queries import Query, models


class Holdings:
    """The data directory that the settings name.

    ``clock`` tells the time, aware, else the machine's. With ``as_of`` it shows what was known at that instant.
    """

    def __init__(
        self, settings: Settings, clock: Callable[[], datetime] | None = None, as_of: datetime | None = None
    ) -> None:
        self.settings = settings
        self.clock: Callable[[], datetime] = (lambda: as_of) if as_of else clock or partial(datetime.now, UTC)
        self._as_of = as_of
        self.archive = Archive(settings.cdr_data_dir / "landing")
        self.lake = Lake(settings.cdr_data_dir / "lake", as_of)
        self.warehouse = settings.cdr_data_dir / "warehouse.duckdb"

    @cached_property
    def calls(self) -> dict[str, pa.Schema]:
        """The tables of calls and their schemas: of every record type, also of those that are not kept."""
        return {record_type: schema_of(record_type) for record_type in COST}

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
        return sorted({Month.parse(month) for record_type in self.calls for month in self.loaded(record_type)})

    def build(self, query: Query, month: Month) -> bool:
        """Bring one month of a mart up to date; False where nothing that it reads has changed, or nothing is loaded."""
        with self.locked(f"{query.name}-{month}"):
            return month in self.months() and build(self.lake, query, str(month), self.calls)

    def behind(self) -> list[Month]:
        """The months of which some mart is not what its inputs would make it now."""
        return [month for month in self.months() if any(is_behind(self.lake, q, str(month)) for q in models())]

    def is_published(self) -> bool:
        """Whether ``warehouse.duckdb`` shows what the lake holds."""
        return self.warehouse.exists() and self.warehouse.stat().st_mtime >= self.lake.changed_at()

    def refresh(self) -> None:
        """Build every mart that is behind, and publish."""
        for month in self.behind():
            for query in models():
                self.build(query, month)
        self.publish()
        self.tidy()

    def publish(self, target: Path | None = None) -> None:
        """Write a new ``warehouse.duckdb``, or another file, and swap it in."""
        publish(target or self.warehouse, self.lake, self._edition())

    def tidy(self) -> None:
        """Delete what no snapshot shows that anyone may still be reading."""
        self.lake.vacuum(timedelta(days=self.settings.cdr_history_days))

    def damaged(self) -> Iterator[tuple[Manifest, str]]:
        """Every archived file that is not what its manifest says, and what is wrong with it."""
        for manifest in self.archive.landed():
            if wrong := self.archive.damage(manifest):
                yield manifest, wrong

    def coverage(self) -> list[Coverage]:
        """One row per record type and month: its state, what is loaded, and how long the vendor still has it."""
        return self._coverage(self.known_exports())

    def known_exports(self) -> list[KnownExport]:
        """Every export that was asked for or landed here, with what is known of it."""
        return known_exports(self.archive, self.lake, self.calls, self.settings.cdr_data_dir, self._as_of)

    def _edition(self) -> Edition:
        exports = self.known_exports()
        shown = self._coverage(exports)
        records = {
            "exports": as_table(exports, KnownExport),
            "coverage": as_table(shown, Coverage),
            "differences": as_table(known_differences(self.lake, self.calls), Revision),
        }
        return Edition(self.calls, REJECTED, models(), records)

    def _coverage(self, exports: list[KnownExport]) -> list[Coverage]:
        return coverage(exports, self.settings.cdr_record_types, self.first_month(), self.clock())

    def locked(self, name: str) -> FileLock:
        """A lock that the processes of this machine share; it ends with whoever holds it."""
        folder = self.settings.cdr_data_dir / ".locks"
        with writing("A lock", folder):
            folder.mkdir(parents=True, exist_ok=True)
        return FileLock(folder / f"{name}.lock")
