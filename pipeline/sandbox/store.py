"""Keep the exports of a local vendor, those created here and foreign ones, until they expire."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Generic, Protocol, TypeVar

from pipeline.sandbox.clock import Clock


class Kept(Protocol):
    """What every vendor's exports have; ``foreign`` ones belong to others in the account."""

    id: str
    foreign: bool

    def expired(self, now: datetime) -> bool:
        """Return whether the export is gone."""
        ...


E = TypeVar("E", bound=Kept)


class Store(ABC, Generic[E]):
    """The exports of the account, by the vendor's clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._exports: dict[str, E] = {}
        self._lock = threading.Lock()

    @abstractmethod
    def ordered(self, exports: Iterable[E]) -> list[E]:
        """Return the exports in their default order."""

    def now(self) -> datetime:
        """Return the time of the vendor's clock, in UTC."""
        return self._clock().astimezone(UTC)

    def add(self, export: E) -> None:
        """Add an export to the list."""
        with self._lock:
            self._exports[export.id] = export

    def remove(self, export: E) -> None:
        """Remove an export, as if it had expired."""
        with self._lock:
            self._exports.pop(export.id, None)

    def all(self) -> list[E]:
        """Return every export that is still kept."""
        return self.ordered(self._kept())

    def own(self) -> list[E]:
        """Return the exports that were created here, oldest first."""
        return [export for export in self._kept() if not export.foreign]

    def find(self, export_id: str) -> E | None:
        """Return the export of that id; None for an unknown or expired one."""
        with self._lock:
            export = self._exports.get(export_id)
        return None if export is None or export.expired(self.now()) else export

    def _kept(self) -> list[E]:
        now = self.now()
        with self._lock:
            return [export for export in self._exports.values() if not export.expired(now)]
