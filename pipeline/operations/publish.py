"""Build marts, publish the file that analysts open, and write reports: no vendor is needed."""

from collections.abc import Callable, Iterable
from contextlib import nullcontext, suppress
from datetime import timedelta
from functools import cached_property
from pathlib import Path

from pipeline.errors import PermanentError
from pipeline.months import Month
from pipeline.normalise.schema import REJECTED
from pipeline.operations.installation import Installation
from pipeline.operations.ledger import Ledger, control_totals
from pipeline.operations.pseudonymise import Shared
from pipeline.privacy.pseudonym import Pseudonyms
from pipeline.warehouse.builder import Builder
from pipeline.warehouse.history import purge_history, retained_months, retire
from pipeline.warehouse.marts import build, failure, is_behind
from pipeline.warehouse.publish import PublishSpec, Snapshot, fingerprint, publish, published_fingerprint
from pipeline.warehouse.queries import Query, models, views
from pipeline.warehouse.records import ControlTotal, Coverage, KnownExport, Revision, as_table

Built = Callable[[Query, Month], None]
"""Is called for each month of a mart that was brought up to date."""


def unrecorded(query: Query, month: Month) -> None:
    """Keep no record of what was built."""


class Publisher:
    """Makes of the lake what people read.

    Args:
        place: The installation.
        ledger: Its books, which are published too.
    """

    def __init__(self, place: Installation, ledger: Ledger) -> None:
        self._place = place
        self._ledger = ledger

    @cached_property
    def shared(self) -> Shared | None:
        """The lake under pseudonyms; None where the settings name no key for them."""
        place, settings = self._place, self._place.settings
        key = settings.cdr_pseudonym_key.get_secret_value()
        pseudonyms = Pseudonyms(key, settings.cdr_pseudonym_digits) if key else None
        return Shared(place.lake, place.copies, pseudonyms, place.personal) if pseudonyms else None

    def builder(self) -> Builder:
        """Return a session in which months of marts are built; a context manager."""
        return Builder(self._place.lake, self._place.schemas)

    def build(self, query: Query, month: Month, builder: Builder) -> bool:
        """Bring one month of a mart up to date; return False where nothing that it reads has changed or is loaded.

        Args:
            query: The mart.
            month: The month.
            builder: The session.
        """
        with self._place.locked(f"{query.name}-{month}"):
            return month in self._ledger.months() and build(builder, query, str(month))

    def behind(self) -> list[Month]:
        """Return the months with a mart that its inputs would make otherwise now, and the months after them."""
        months, lake = self._ledger.months(), self._place.lake
        changed = {month for month in months if any(is_behind(lake, query, str(month)) for query in models())}
        return [month for month in months if {month, month.shift(-1)} & changed]

    def is_published(self) -> bool:
        """Return whether ``warehouse.duckdb`` shows what the lake holds."""
        return self._place.warehouse.exists() and not self.shown_is_old()

    def shown_is_old(self) -> bool:
        """Return whether there is a ``warehouse.duckdb`` that shows anything else than what is held now."""
        if not self._place.warehouse.exists():
            return False
        if self.shared and any(self.shared.behind()):
            return True
        return published_fingerprint(self._place.warehouse) != fingerprint(
            self.shared or self._place.lake, self._publish_spec()
        )

    def unbuilt(self) -> list[str]:
        """Return why each mart that is behind could not be built, as far as that was tried."""
        tried = ((query, str(month)) for month in self._ledger.months() for query in models())
        return [why for query, month in tried if (why := failure(self._place.lake, query, month))]

    def build_and_publish(self) -> None:
        """Build every mart that is behind, and publish; raises ``PermanentError`` at the end for what failed."""
        self.publish()
        self.vacuum()
        if failed := self.unbuilt():
            raise PermanentError(" ".join(failed))

    def build_behind(self, built: Built = unrecorded) -> None:
        """Build what is behind; a mart that cannot be built is noted, and stops no other."""
        months = self.behind()
        with self.builder() if months else nullcontext() as builder:
            for query, month in [(query, month) for month in months for query in models()]:
                with suppress(PermanentError):  # ``unbuilt`` tells it
                    if builder and self.build(query, month, builder):
                        built(query, month)

    def publish(self, target: Path | None = None, built: Built = unrecorded) -> None:
        """Write a new ``warehouse.duckdb``, or another file, and swap it in.

        What is behind is built first, also of months without a new load: a power cut may have taken it, or a new
        version of the SQL may have begun its table again.

        Args:
            target: The file; None is ``warehouse.duckdb``.
            built: Is called for each month of a mart that was built.
        """
        if self._place.as_of is None:
            self.build_behind(built)
        publish(target or self._place.warehouse, self._shown(), self._publish_spec())

    def _shown(self) -> Snapshot:
        """Return the lake as analysts may see it; raises ``PermanentError`` where a lost key would bare the numbers."""
        if self.shared is None:
            if self._place.copies.tables():
                raise PermanentError(
                    "This archive is published under pseudonyms, and CDR_PSEUDONYM_KEY is not set, so nothing was "
                    f"published; set it, or remove {self._place.copies.root} to publish the numbers themselves."
                )
            return self._place.lake
        if self._place.as_of is None:
            self.shared.refresh(self._place.locked)
        return self.shared

    def reportable(self) -> list[Month]:
        """Return every month that ``warehouse.duckdb`` shows something of."""
        from pipeline.report import reportable

        return reportable(self._place.warehouse)

    def report(self, month: Month, target: Path | None = None, *, again: bool = False) -> bool:
        """Write a month's report of what is published; return False where the one there says the same.

        Args:
            month: The month.
            target: The HTML file; None is where reports lie.
            again: Write it in any case.
        """
        from pipeline.report import write  # loads libraries that draw, which nothing else needs

        place = self._place
        with place.locked(f"report-{month}"):
            return write(place.warehouse, month, target or place.report_file(month), again=again)

    def vacuum(self) -> None:
        """Delete the files that no snapshot shows that a reader may still have open."""
        for lake in (self._place.lake, self._place.copies):
            retire(lake, [query.name for query in models()])
            lake.vacuum(timedelta(days=self._place.settings.cdr_history_days))

    def purge_history(self, months: Iterable[str]) -> None:
        """Delete what only older snapshots of these months show; publish first, so that no reader is shown it."""
        for month in months:
            for lake, prefix in ((self._place.lake, ""), (self._place.copies, "share-")):
                for name in lake.tables():
                    lock = f"{prefix}{name if prefix else name.removesuffix('_rejected')}-{month}"
                    with self._place.locked(lock):
                        purge_history(lake, name, month)

    def _publish_spec(self) -> PublishSpec:
        exports, place = self._ledger.exports(), self._place
        records = {
            "exports": as_table(exports, KnownExport),
            "control_totals": as_table(control_totals(exports), ControlTotal),
            "coverage": as_table(self._ledger.coverage(exports), Coverage),
            "differences": as_table(self._ledger.differences(), Revision),
        }
        sums = place.retention.unexpired(retained_months(place.kept), place.clock())
        return PublishSpec(place.schemas, REJECTED, [*models(), *views()], records, sums)
