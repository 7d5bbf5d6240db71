"""What local vendors have in common that export records as they are asked: an account, signed addresses, a dialect.

A dialect is a subclass that says how its vendor's requests, pages, exports, refusals and files look, and nothing else.
Files lie behind signed addresses under another host name, as those of the vendors do.
"""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

from pipeline.sandbox.account import Account, Export
from pipeline.sandbox.clock import Clock, utc_now
from pipeline.sandbox.dialect import Dialect
from pipeline.sandbox.dialect_handler import DialectHandler
from pipeline.sandbox.files.storage import Storage
from pipeline.sandbox.rate_limit import RateLimit
from pipeline.sandbox.running import Running
from pipeline.sandbox.traffic.rhythm import chance
from pipeline.sandbox.traffic.rows import Records, Row, Truth

_OLDEST = timedelta(days=20)
_P_UNFINISHED = 0.1
_P_FAILED = 0.1


class Local(Running, Dialect):
    """A local vendor of records that are invented after ``fields``.

    Args:
        seed: The same seed has the same records, and the same exports of other people.
        rows_per_day: On average, for each resource; 0 leaves every month empty.
        clock: The vendor's clock, aware; it moves exports on.
        pending: How long an export waits.
        processing: How long it is worked on after that.
        api_key: The only key that is let in.
        foreign: How many exports of other people are in the list.
        rate_limit: Requests in a second, by the real clock; None for no limit.
        host: Where to listen.
        port: 0 for any that is free.
    """

    def __init__(
        self,
        *,
        seed: int = 7,
        rows_per_day: int = 40,
        clock: Clock = utc_now,
        pending: timedelta = timedelta(seconds=1),
        processing: timedelta = timedelta(seconds=2),
        api_key: str = "sandbox-key",
        foreign: int = 24,
        rate_limit: int | None = 20,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        super().__init__(api_key)
        records = {name: Records(seed, name, fields, rows_per_day) for name, fields in self.fields.items()}
        self.account = Account(records, clock, pending, processing, self.kept)
        self.storage = Storage(self.folder, self.faults, self.account.now, self.pointer_lives)
        self._rng = chance(seed, "strangers")
        for _ in range(foreign):
            oldest = min(_OLDEST, self.kept or _OLDEST) * 0.9
            self._foreign_export(self.account.now() - oldest * self._rng.random())
        self._listen(host, port, DialectHandler(self, RateLimit(rate_limit), self._foreign_export).answer)

    @property
    def exports(self) -> list[Export]:
        """The exports that were created here and are still kept, oldest first, without other people's."""
        return self.account.own()

    def truth(self, resource: str, start: datetime, end: datetime, window: str = "") -> Truth:
        """What a load of the records of [start, end) must add up to, if they were exported now.

        Args:
            resource: The vendor's word for what is exported.
            start: The first instant, aware.
            end: The first instant after the window, aware.
            window: The field that decides; empty for when records came to be.
        """
        return self.account.records(resource).truth(self.account.between(resource, start, end, window))

    def truth_of(self, export_id: str) -> Truth:
        """What the file of that export adds up to, whatever was added after it was created."""
        export = self.account.find(export_id)
        if export is None:
            raise KeyError(export_id)
        return export.records.truth(export.rows, export.draft.columns)

    def add_records(self, resource: str, rows: Iterable[Row]) -> None:
        """Let records arrive late: exports created from now on hold them, earlier ones do not."""
        self.account.add_records(resource, tuple(rows))

    def _foreign_export(self, created_at: datetime | None = None) -> Export:
        """An export of somebody else; some were abandoned by the vendor and never finish, some failed."""
        number = uuid.UUID(int=self._rng.getrandbits(128), version=4)
        fails = self._rng.random() < _P_FAILED
        export = self.account.create(
            self.identify(number), self.foreign_draft(self._rng), created_at, foreign=True, fails=fails
        )
        if self._rng.random() < _P_UNFINISHED:
            export.finished_at = None
        return export
