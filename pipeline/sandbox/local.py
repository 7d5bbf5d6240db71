"""A local vendor that is made of a dialect: it adds an account, invented records, and files at signed addresses.

A subclass defines how requests, pages, exports, refusals and files look, and nothing else. The signed addresses have
another host name, as those of the vendors.
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
    """A local vendor whose records are invented from ``fields``.

    Args:
        seed: The same seed makes the same records, and the same foreign exports.
        rows_per_day: The average for each resource; 0 leaves every month empty.
        clock: The vendor's clock, with a zone; it moves exports on.
        pending: How long an export is queued.
        processing: How long it is processed after that.
        api_key: The only key that is accepted.
        foreign: How many foreign exports are in the list.
        rate_limit: The most requests in a second, by the real clock; None for no limit.
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
        """The exports that were created here and are still kept, oldest first, without foreign ones."""
        return self.account.own()

    def truth(self, resource: str, start: datetime, end: datetime, window: str = "") -> Truth:
        """Return the totals that a load of the records of [start, end) must have, if they were exported now.

        Args:
            resource: The vendor's word for what is exported.
            start: The first time, with a zone.
            end: The first time after the window, with a zone.
            window: The field that must lie in the window; empty for the time at which a record was made.
        """
        return self.account.records(resource).truth(self.account.between(resource, start, end, window))

    def truth_of(self, export_id: str) -> Truth:
        """Return the totals of that export's file, without records that were added after its creation."""
        export = self.account.find(export_id)
        if export is None:
            raise KeyError(export_id)
        return export.records.truth(export.rows, export.draft.columns)

    def add_records(self, resource: str, rows: Iterable[Row]) -> None:
        """Add late records: exports created from now on hold them, earlier ones do not."""
        self.account.add_records(resource, tuple(rows))

    def _foreign_export(self, created_at: datetime | None = None) -> Export:
        """Create an export of others; some never finish, and some failed."""
        number = uuid.UUID(int=self._rng.getrandbits(128), version=4)
        fails = self._rng.random() < _P_FAILED
        export = self.account.create(
            self.identify(number), self.foreign_draft(self._rng), created_at, foreign=True, fails=fails
        )
        if self._rng.random() < _P_UNFINISHED:
            export.finished_at = None
        return export
