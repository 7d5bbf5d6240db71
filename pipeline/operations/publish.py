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
"""Called for each month of a mart that was brought up to date."""


def unrecorded(query: Query, month: Month) -> None:
    """Keep no record of what was built."""


class Publisher:
    """Makes what people read: marts, the published file and reports.

    Args:
        place: The installation.
        ledger: What is known of its exports, which is published too.
    """

    def __init__(self, place: Installation, ledger: Ledger) -> None:
        self._place = place
        self._ledger = ledger

    @cached_property
    def shared(self) -> Shared | None:
        """The pseudonymised lake; None if the settings name no key for pseudonyms."""
        place, settings = self._place, self._place.settings
        key = settings.cdr_pseudonym_key.get_secret_value()
        pseudonyms = Pseudonyms(key, settings.cdr_pseudonym_digits) if key else None
        return Shared(place.lake, place.copies, pseudonyms, place.personal) if pseudonyms else None

    def builder(self) -> Builder:
        """Return a session that builds months of marts; use it as a context manager."""
        return Builder(self._place.lake, self._place.schemas)

    def build(self, query: Query, month: Month, builder: Builder) -> bool:
        """Bring one month of a mart up to date; return False if none of its inputs has changed or is loaded.

        Args:
            query: The mart.
            month: The month.
            builder: The session.
        """
        with self._place.locked(f"{query.name}-{month}"):
            return month in self._ledger.months() and build(builder, query, str(month))

    def behind(self) -> list[Month]:
        """Return the months with a mart whose inputs have changed, and the months after them."""
        months, lake = self._ledger.months(), self._place.lake
        changed = {month for month in months if any(is_behind(lake, query, str(month)) for query in models())}
        return [month for month in months if {month, month.shift(-1)} & changed]

    def is_published(self) -> bool:
        """Return whether ``warehouse.duckdb`` shows what the lake holds."""
        return self._place.warehouse.exists() and not self.shown_is_old()

    def shown_is_old(self) -> bool:
        """Return whether ``warehouse.duckdb`` exists and shows anything else than what is held now."""
        if not self._place.warehouse.exists():
            return False
        if self.shared and any(self.shared.behind()):
            return True
        return published_fingerprint(self._place.warehouse) != fingerprint(
            self.shared or self._place.lake, self._publish_spec()
        )

    def unbuilt(self) -> list[str]:
        """Return the reason for each mart that could not be built when it was last tried."""
        tried = ((query, str(month)) for month in self._ledger.months() for query in models())
        return [why for query, month in tried if (why := failure(self._place.lake, query, month))]

    def build_and_publish(self) -> None:
        """Build every mart that is behind, and publish; raises ``PermanentError`` at the end with every failure."""
        self.publish()
        self.vacuum()
        if failed := self.unbuilt():
            raise PermanentError(" ".join(failed))

    def build_behind(self, built: Built = unrecorded) -> None:
        """Build every mart that is behind; one that cannot be built is noted, and the others are built."""
        months = self.behind()
        with self.builder() if months else nullcontext() as builder:
            for query, month in [(query, month) for month in months for query in models()]:
                with suppress(PermanentError):  # ``unbuilt`` returns it
                    if builder and self.build(query, month, builder):
                        built(query, month)

    def publish(self, target: Path | None = None, built: Built = unrecorded) -> None:
        """Write a new ``warehouse.duckdb``, or another file, and swap it in.

        Marts that are behind are built first, also for months without a new load: a power cut may have destroyed a
        mart, or a new version of the SQL may have started its table again.

        Args:
            target: The file; None is ``warehouse.duckdb``.
            built: Called for each month of a mart that was built.
        """
        if self._place.as_of is None:
            self.build_behind(built)
        publish(target or self._place.warehouse, self._shown(), self._publish_spec())

    def _shown(self) -> Snapshot:
        """Return the lake as analysts may see it; raises ``PermanentError`` if a lost key would reveal the numbers."""
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
        """Return every month that ``warehouse.duckdb`` has rows of."""
        from pipeline.report import reportable

        return reportable(self._place.warehouse)

    def report(self, month: Month, target: Path | None = None, *, again: bool = False) -> bool:
        """Write a month's report from the published file; return False if the existing report says the same.

        Args:
            month: The month.
            target: The HTML file; None is the usual path.
            again: Write it in any case.
        """
        from pipeline.report import write  # imports drawing libraries, which nothing else needs

        place = self._place
        with place.locked(f"report-{month}"):
            return write(place.warehouse, month, target or place.report_file(month), again=again)

    def vacuum(self) -> None:
        """Delete files of old snapshots, which no reader has open any more."""
        for lake in (self._place.lake, self._place.copies):
            retire(lake, [query.name for query in models()])
            lake.vacuum(timedelta(days=self._place.settings.cdr_history_days))

    def purge_history(self, months: Iterable[str]) -> None:
        """Delete what only older snapshots of these months show; the caller publishes first, so no reader sees it."""
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
