"""A local DIDWW: four API versions, tokens, filters, callbacks, and realistic calls."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from pipeline.sandbox.clock import Clock, utc_now
from pipeline.sandbox.didww import routes
from pipeline.sandbox.didww.api import Api
from pipeline.sandbox.didww.authenticator import Authenticator
from pipeline.sandbox.didww.callbacks import Callbacks, Delivery
from pipeline.sandbox.didww.downloads import Downloads
from pipeline.sandbox.didww.exports import Export, ExportStore
from pipeline.sandbox.didww.filters import RowFilters
from pipeline.sandbox.didww.foreign_exports import foreign_export, foreign_exports
from pipeline.sandbox.didww.header_versions import columns_held
from pipeline.sandbox.didww.ledger import Ledger, Totals
from pipeline.sandbox.didww.tokens import Tokens
from pipeline.sandbox.didww.versions import served, version_of
from pipeline.sandbox.rate_limit import RateLimit
from pipeline.sandbox.running import Running
from pipeline.sandbox.traffic.columns import CDR_IN, CDR_OUT, SMS_IN, SMS_OUT
from pipeline.sandbox.traffic.inbound import InboundCalls
from pipeline.sandbox.traffic.messages import Messages
from pipeline.sandbox.traffic.outbound import OutboundCalls
from pipeline.sandbox.traffic.record import CallSource, Row
from pipeline.sandbox.traffic.rhythm import chance


def _sources(seed: int, per_day: int, newline_rate: float) -> dict[str, CallSource]:
    messages = {one: Messages(one, seed, per_day) for one in (SMS_IN, SMS_OUT)}
    return {CDR_IN: InboundCalls(seed, per_day, newline_rate), CDR_OUT: OutboundCalls(seed, per_day), **messages}


class Sandbox(Running):
    """A local vendor that answers like DIDWW's exports API.

    Args:
        seed: The same seed makes the same customer and the same records.
        calls_per_day: The average for each record type; 0 leaves every month empty.
        rows_per_day: The same under the name that all vendors have.
        clock: The vendor's clock, with a zone; it moves exports on, and decides what can still be exported.
        pending: How long an export is ``pending``.
        processing: How long it is ``processing`` after that.
        api_key: The only key that is accepted.
        version: The API version of the account; a request for a newer one is served that one.
        callback_secret: The secret that callbacks are signed with; without one no callback is sent.
        foreign: How many foreign exports are in the list.
        rate_limit: The most requests in a second, by the real clock; None for no limit.
        newline_rate: The share of caller names with a line break in them.
        crlf: Whether the lines of files end with CR LF.
        host: Where to listen.
        port: 0 for any that is free.
    """

    path = routes.BASE
    key_header = "Api-Key"

    def __init__(
        self,
        *,
        seed: int = 7,
        calls_per_day: int = 400,
        rows_per_day: int | None = None,
        clock: Clock = utc_now,
        pending: timedelta = timedelta(seconds=1),
        processing: timedelta = timedelta(seconds=2),
        api_key: str = "sandbox-key",
        version: str = "2026-04-16",
        callback_secret: str = "",
        foreign: int = 24,
        rate_limit: int | None = 20,
        newline_rate: float = 0.0002,
        crlf: bool = False,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.tokens = Tokens(api_key, clock, RateLimit(rate_limit))
        self._authenticator = Authenticator(api_key, self.tokens, version_of(version))
        super().__init__(api_key)
        per_day = calls_per_day if rows_per_day is None else rows_per_day
        self._ledger = Ledger(_sources(seed, per_day, newline_rate))
        self._store = ExportStore(self._ledger, clock, pending, processing)
        self._callbacks = Callbacks(self._store, callback_secret)
        self._rng = chance(seed, "strangers")
        self._foreign_added = 0
        for export in foreign_exports(self._rng, self._ledger, self._store.now(), foreign, self._authenticator.default):
            self._store.add(export)
        downloads = Downloads(self.folder, self.faults, crlf=crlf)
        auth, limit = self._authenticator, RateLimit(rate_limit)
        api = Api(self._store, downloads, self.faults, authenticator=auth, limit=limit, add_foreign=self._add_foreign)
        self._listen(host, port, api.answer)

    @property
    def token_url(self) -> str:
        """The address of the token service, which has another host at the vendor."""
        return self.url.removesuffix(self.path) + routes.ISSUE

    def upgrade(self, version: str) -> None:
        """Upgrade the account's version, as its owner can at any time; it cannot be downgraded."""
        self._authenticator.default = served(self._authenticator.default, version_of(version).name)

    @property
    def exports(self) -> list[Export]:
        """The exports that were created here, oldest first, without foreign ones."""
        return self._store.own()

    def truth(self, export_type: str, from_: datetime, to: datetime, filters: RowFilters | None = None) -> Totals:
        """Return the totals that a load of the calls in [from_, to) must have, if they were exported now.

        Args:
            export_type: ``cdr_in``, ``cdr_out``, ``sms_in`` or ``sms_out``.
            from_: The first time, with a zone.
            to: The first time after the window, with a zone.
            filters: The other filters of the export.
        """
        return self._ledger.snapshot(export_type, from_, to, self._store.now(), filters or {}).totals()

    def truth_of(self, export_id: str) -> Totals:
        """Return the totals of that export's file, without records that were added after its creation.

        Amounts that files of its version do not have are 0.
        """
        export = self._store.find(export_id)
        if export is None:
            raise KeyError(export_id)
        return export.snapshot.totals(columns_held(export.export_type, export.version))

    def add_records(self, export_type: str, rows: Iterable[Row]) -> None:
        """Add late records: exports created from now on hold them, earlier ones do not.

        A row is a mapping by column name, where missing cells are empty, or a sequence of all cells.
        """
        self._ledger.add(export_type, rows)

    def replace_records(self, export_type: str, rows: Iterable[Row]) -> None:
        """Make ``rows`` the only records of this type in exports created from now on."""
        self._ledger.replace(export_type, rows)

    def deliver_callbacks(self, *, redeliver: bool = False) -> list[Delivery]:
        """Send a callback for each export completed since the last time; for all with ``redeliver``."""
        return self._callbacks.deliver(f"{self.url}/exports", redeliver=redeliver)

    def _add_foreign(self) -> None:
        # An id of zeros sorts first, as the newest does by -created_at, so every later page shifts by one.
        self._foreign_added += 1
        export_id = f"00000000-0000-4000-8000-{self._foreign_added:012d}"
        self._store.add(
            foreign_export(self._rng, self._ledger, self._store.now(), self._authenticator.default, export_id)
        )
