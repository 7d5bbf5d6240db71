"""Faults on demand: each is injected for a number of occasions, and counted."""

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Protocol

from pipeline.sandbox.fault_kinds import (
    EXPORT_FAULTS,
    FILE_FAULTS,
    REQUEST_FAULTS,
    SHAPE_FAULTS,
    STATE_FAULTS,
    Fault,
    Operation,
    default_operations,
)

__all__ = [
    "FILE_FAULTS",
    "REQUEST_FAULTS",
    "SHAPE_FAULTS",
    "STATE_FAULTS",
    "Fault",
    "Faults",
    "Injection",
    "Operation",
    "Target",
]


class Target(Protocol):
    """What a fault needs of an export."""

    id: str


@dataclass
class Injection:
    """An active fault; ``hits`` counts the responses that it changed."""

    kind: Fault
    times: int | None
    on: frozenset[Operation]
    match: Callable[[Any], bool] | None
    value: str | float | None
    hits: int = 0
    active: bool = True
    _afflicted: set[str] = field(default_factory=set)

    def stop(self) -> None:
        """Switch the fault off; stuck exports recover."""
        self.active = False

    def text(self, default: str) -> str:
        """Return ``value`` as text."""
        return default if self.value is None else str(self.value)

    def applies(self, operation: Operation, export: Target | None) -> bool:
        """Return whether the fault applies to this occasion, and count it."""
        if not self.active or operation not in self.on or not self._matches(export):
            return False
        if self.kind in EXPORT_FAULTS and export is not None:
            if export.id not in self._afflicted and self.times is not None and len(self._afflicted) >= self.times:
                return False
            self._afflicted.add(export.id)
        elif self.times is not None and self.hits >= self.times:
            return False
        self.hits += 1
        return True

    def _matches(self, export: Target | None) -> bool:
        return self.match is None or (export is not None and self.match(export))


class Faults:
    """The faults of one sandbox; none at first."""

    def __init__(self) -> None:
        self._injections: list[Injection] = []
        self._lock = threading.Lock()

    def inject(
        self,
        kind: Fault | str,
        *,
        times: int | None = 1,
        on: Operation | str | Collection[Operation | str] | None = None,
        match: Callable[[Any], bool] | None = None,
        value: str | float | None = None,
    ) -> Injection:
        """Inject a fault, and return it.

        Args:
            kind: What goes wrong.
            times: How many exports or responses it applies to, as the kind is; None for all until it is stopped.
            on: The operations that it applies to; by default those of the kind.
            match: Limits it to the exports for which this holds, where the export is known.
            value: As the kind explains it.
        """
        kind = Fault(kind)
        chosen = (on,) if isinstance(on, str) else on
        operations = frozenset(map(Operation, chosen)) if chosen else default_operations(kind)
        injection = Injection(kind, times, operations, match, value)
        with self._lock:
            self._injections.append(injection)
        return injection

    def clear(self) -> None:
        """Switch all faults off."""
        with self._lock:
            for injection in self._injections:
                injection.stop()
            self._injections.clear()

    def take(self, kinds: Collection[Fault], operation: Operation, export: Target | None = None) -> Injection | None:
        """Return the first active fault of ``kinds`` that applies to this occasion, counted; or None.

        Args:
            kinds: The kinds of faults.
            operation: What the request wants.
            export: The export of the request; None without one.
        """
        with self._lock:
            return next(
                (
                    injection
                    for injection in self._injections
                    if injection.kind in kinds and injection.applies(operation, export)
                ),
                None,
            )
