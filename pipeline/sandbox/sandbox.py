"""The sandbox as one object: start it, ask it, spoil it, compare with what it knows to be true."""

import tempfile
import threading
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from pipeline.sandbox.api import Api
from pipeline.sandbox.callbacks import Callbacks, Delivery
from pipeline.sandbox.columns import CDR_IN, CDR_OUT, SMS_IN, SMS_OUT
from pipeline.sandbox.downloads import Downloads
from pipeline.sandbox.exports import Clock, Export, ExportStore
from pipeline.sandbox.faults import Faults
from pipeline.sandbox.gate import Gate
from pipeline.sandbox.generations import held
from pipeline.sandbox.inbound import InboundCalls
from pipeline.sandbox.ledger import Ledger, Totals
from pipeline.sandbox.messages import Messages
from pipeline.sandbox.narrowing import Narrowing
from pipeline.sandbox.outbound import OutboundCalls
from pipeline.sandbox.rate_limit import RateLimit
from pipeline.sandbox.record import CallSource, Row
from pipeline.sandbox.rhythm import chance
from pipeline.sandbox.server import RecordedRequest, SandboxServer
from pipeline.sandbox.strangers import stranger, strangers
from pipeline.sandbox.tokens import Tokens
from pipeline.sandbox.versions import served, version_of

# How soon closing is noticed; a test that starts many sandboxes waits for it each time.
_POLL_SECONDS = 0.02


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _sources(seed: int, per_day: int, newline_rate: float) -> dict[str, CallSource]:
    messages = {one: Messages(one, seed, per_day) for one in (SMS_IN, SMS_OUT)}
    return {CDR_IN: InboundCalls(seed, per_day, newline_rate), CDR_OUT: OutboundCalls(seed, per_day), **messages}


class Sandbox:
    """A local vendor on its own thread; a context manager, and nothing of it remains afterwards.

    Args:
        seed: The same seed has the same customer and the same records.
        calls_per_day: On average, for each record type; 0 leaves every month empty.
        clock: The vendor's clock, aware; it moves exports on, and decides what is still in the window.
        pending: How long an export is ``pending``.
        processing: How long it is ``processing`` after that.
        api_key: The only key that is let in.
        version: The API version of the account; a newer one is served to who asks for it.
        callback_secret: What callbacks are signed with; without one there are none.
        foreign: How many exports of other people are in the list.
        rate_limit: Requests in a second, by the real clock; None for no limit.
        newline_rate: The share of caller names with a line break in them.
        crlf: Whether the files' lines end as Windows' do.
        host: Where to listen.
        port: 0 for any that is free.
    """

    key_header = "Api-Key"

    def __init__(
        self,
        *,
        seed: int = 7,
        calls_per_day: int = 400,
        clock: Clock = _utc_now,
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
        self.api_key = api_key
        self.faults = Faults()
        self._ledger = Ledger(_sources(seed, calls_per_day, newline_rate))
        self._store = ExportStore(self._ledger, clock, pending, processing)
        self._callbacks = Callbacks(self._store, callback_secret)
        self._rng = chance(seed, "strangers")
        self._newcomers = 0
        self.tokens = Tokens(api_key, clock, RateLimit(rate_limit))
        self._gate = Gate(api_key, self.tokens, version_of(version))
        for export in strangers(self._rng, self._ledger, self._store.now(), foreign, self._gate.default):
            self._store.add(export)
        self._folder = tempfile.TemporaryDirectory(prefix="sandbox-")
        downloads = Downloads(Path(self._folder.name), self.faults, crlf=crlf)
        limit = RateLimit(rate_limit)
        api = Api(self._store, downloads, self.faults, gate=self._gate, limit=limit, newcomer=self._newcomer)
        try:
            self._server = SandboxServer((host, port), api.answer)
        except OSError:
            self._folder.cleanup()
            raise
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL_SECONDS,), daemon=True)

    @property
    def url(self) -> str:
        """The API's base, like ``http://127.0.0.1:12345/v3``."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}/v3"

    @property
    def token_url(self) -> str:
        """Where tokens are made; the vendor has another host for it."""
        return self.url.removesuffix("/v3") + "/token"

    def upgrade(self, version: str) -> None:
        """Make the account's version a newer one, as its owner can at any moment; there is no way back."""
        self._gate.default = served(self._gate.default, version_of(version).name)

    @property
    def requests(self) -> list[RecordedRequest]:
        """Every request that came, oldest first."""
        return list(self._server.recorded)

    @property
    def exports(self) -> list[Export]:
        """The exports that were created here, oldest first, without other people's."""
        return self._store.own()

    def start(self) -> Self:
        """Answer requests from now on."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Close the port and the connections, and remove the files."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def truth(self, export_type: str, from_: datetime, to: datetime, filters: Narrowing | None = None) -> Totals:
        """What a load of calls that start in [from_, to) must add up to, if it were exported now.

        Args:
            export_type: ``cdr_in``, ``cdr_out``, ``sms_in`` or ``sms_out``.
            from_: The first instant, aware.
            to: The first instant after the window, aware.
            filters: What else of the export's filters narrows it.
        """
        return self._ledger.snapshot(export_type, from_, to, self._store.now(), filters or {}).totals()

    def truth_of(self, export_id: str) -> Totals:
        """What the file of that export adds up to, whatever was added after it was created.

        Money that files of its version do not tell is 0.
        """
        export = self._store.find(export_id)
        if export is None:
            raise KeyError(export_id)
        return export.snapshot.totals(held(export.export_type, export.version))

    def add_records(self, export_type: str, rows: Iterable[Row]) -> None:
        """Let records arrive late: exports created from now on hold them, earlier ones do not.

        A row is a mapping by column name, absent cells being empty, or a sequence of all cells.
        """
        self._ledger.add(export_type, rows)

    def replace_records(self, export_type: str, rows: Iterable[Row]) -> None:
        """Make ``rows`` the only records of this type for exports created from now on."""
        self._ledger.replace(export_type, rows)

    def deliver_callbacks(self, *, again: bool = False) -> list[Delivery]:
        """Call back for what has completed since the last time, or for all that is completed ``again``."""
        return self._callbacks.deliver(f"{self.url}/exports", again=again)

    def _newcomer(self) -> Export:
        # An id of zeros sorts first, as the newest does by -created_at: every later page shifts by one.
        self._newcomers += 1
        export_id = f"00000000-0000-4000-8000-{self._newcomers:012d}"
        return stranger(self._rng, self._ledger, self._store.now(), self._gate.default, export_id)
