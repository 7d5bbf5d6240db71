"""The exports that a local vendor has: one's own and other people's, each for as long as it is kept."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Generic, Protocol, TypeVar

from pipeline.sandbox.clock import Clock


class Kept(Protocol):
    """What every vendor's exports have; ``foreign`` ones are other people's."""

    id: str
    foreign: bool

    def expired(self, now: datetime) -> bool:
        """Whether it is kept no longer."""
        ...


E = TypeVar("E", bound=Kept)


class Store(ABC, Generic[E]):
    """All exports of the account, by the vendor's clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._exports: dict[str, E] = {}
        self._lock = threading.Lock()

    @abstractmethod
    def ordered(self, exports: Iterable[E]) -> list[E]:
        """The order that they have where nobody asks for another."""

    def now(self) -> datetime:
        """The vendor's clock, in UTC."""
        return self._clock().astimezone(UTC)

    def add(self, export: E) -> None:
        """Put an export into the list."""
        with self._lock:
            self._exports[export.id] = export

    def remove(self, export: E) -> None:
        """Take an export out of the list, as if it had expired."""
        with self._lock:
            self._exports.pop(export.id, None)

    def all(self) -> list[E]:
        """Every export that is still kept."""
        return self.ordered(self._kept())

    def own(self) -> list[E]:
        """Those that were created here, oldest first."""
        return [export for export in self._kept() if not export.foreign]

    def find(self, export_id: str) -> E | None:
        """The export of that id, unless it never was or is no more."""
        with self._lock:
            export = self._exports.get(export_id)
        return None if export is None or export.expired(self.now()) else export

    def _kept(self) -> list[E]:
        now = self.now()
        with self._lock:
            return [export for export in self._exports.values() if not export.expired(now)]
