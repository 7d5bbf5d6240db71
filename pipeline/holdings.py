"""What is made of what is held in one data directory: marts, the published file, reports.

Reading and showing need no vendor: all of it is in files.
"""

from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from functools import cached_property
from pathlib import Path

from pipeline.errors import PermanentError
from pipeline.held import Held
from pipeline.ledger import control_totals, known_differences
from pipeline.months import Month
from pipeline.normalise.schema import REJECTED
from pipeline.privacy.pseudonym import Pseudonyms
from pipeline.sharing import Shared
from pipeline.warehouse.history import purge_history, retained_months, retire
from pipeline.warehouse.marts import build, failure, is_behind
from pipeline.warehouse.publish import PublishSpec, Snapshot, fingerprint, publish, published_fingerprint
from pipeline.warehouse.queries import Query, models, views
from pipeline.warehouse.records import ControlTotal, Coverage, KnownExport, Revision, as_table


class Holdings(Held):
    """All that is held, built, published and forgotten."""

    @cached_property
    def shared(self) -> Shared | None:
        """The lake under pseudonyms; None where the settings name no key for them."""
        key, digits = self.settings.cdr_pseudonym_key.get_secret_value(), self.settings.cdr_pseudonym_digits
        return Shared(self.lake, self.copies, Pseudonyms(key, digits), self.personal) if key else None

    def build(self, query: Query, month: Month) -> bool:
        """Bring one month of a mart up to date; False where nothing that it reads has changed, or nothing is loaded."""
        with self.locked(f"{query.name}-{month}"):
            return month in self.months() and build(self.lake, query, str(month), self.schemas)

    def behind(self) -> list[Month]:
        """The months of which some mart is not what its inputs would make it now, and those that take calls over."""
        changed = {month for month in self.months() if any(is_behind(self.lake, q, str(month)) for q in models())}
        return [month for month in self.months() if {month, month.shift(-1)} & changed]

    def is_published(self) -> bool:
        """Whether ``warehouse.duckdb`` shows what the lake holds."""
        return self.warehouse.exists() and not self.shown_is_old()

    def shown_is_old(self) -> bool:
        """Whether there is a ``warehouse.duckdb`` that shows anything else than what is held now."""
        if not self.warehouse.exists():
            return False
        if self.shared and any(self.shared.behind()):
            return True
        return published_fingerprint(self.warehouse) != fingerprint(self.shared or self.lake, self._publish_spec())

    def unbuilt(self) -> list[str]:
        """Why each mart that is behind could not be built, as far as that was tried."""
        tried = ((query, str(month)) for month in self.months() for query in models())
        return [why for query, month in tried if (why := failure(self.lake, query, month))]

    def build_and_publish(self) -> None:
        """Build every mart that is behind, and publish; raises ``PermanentError`` at the end for what failed."""
        self.publish()
        self.tidy()
        if failed := self.unbuilt():
            raise PermanentError(" ".join(failed))

    def _build_behind(self) -> None:
        """Build what is behind; a mart that cannot be built stops no other."""
        for month in self.behind():
            for query in models():
                with suppress(PermanentError):  # which is noted, and told by ``unbuilt``
                    self.build(query, month)

    def publish(self, target: Path | None = None) -> None:
        """Write a new ``warehouse.duckdb``, or another file, and swap it in.

        What is behind is built first, also of months that nothing new came in for: a power cut may have taken it, or
        another version of the SQL begun its table again for the month that was built with it.
        """
        if self._as_of is None:
            self._build_behind()
        publish(target or self.warehouse, self._shown(), self._publish_spec())

    def _shown(self) -> Snapshot:
        """The lake as analysts may see it; raises ``PermanentError`` where a forgotten key would bare the numbers."""
        if self.shared is None:
            if self.copies.tables():
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
            retire(lake, [query.name for query in models()])
            lake.vacuum(timedelta(days=self.settings.cdr_history_days))

    def forget(self, months: Iterable[str]) -> None:
        """Delete what only older snapshots of these months show; publish first, so that nobody is shown it."""
        for month in months:
            for lake, prefix in ((self.lake, ""), (self.copies, "share-")):
                for name in lake.tables():
                    with self.locked(f"{prefix}{name if prefix else name.removesuffix('_rejected')}-{month}"):
                        purge_history(lake, name, month)

    def _publish_spec(self) -> PublishSpec:
        exports = self.known_exports()
        shown = self._coverage(exports)
        records = {
            "exports": as_table(exports, KnownExport),
            "control_totals": as_table(control_totals(exports), ControlTotal),
            "coverage": as_table(shown, Coverage),
            "differences": as_table(known_differences(self.lake, self.schemas), Revision),
        }
        sums = self.clocks.unexpired(retained_months(self.kept), self.clock())
        return PublishSpec(self.schemas, REJECTED, [*models(), *views()], records, sums)
