"""Misbehaviour on demand: each fault is switched on for the next so many occasions, and counted."""

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Protocol

from pipeline.sandbox.misbehaviour import (
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
    """What a fault needs of an export that it strikes."""

    id: str


@dataclass
class Injection:
    """One fault that was switched on; ``hits`` counts the answers it has spoilt."""

    kind: Fault
    times: int | None
    on: frozenset[Operation]
    match: Callable[[Any], bool] | None
    value: str | float | None
    hits: int = 0
    active: bool = True
    _afflicted: set[str] = field(default_factory=set)

    def stop(self) -> None:
        """Switch it off; exports that were stuck recover."""
        self.active = False

    def text(self, default: str) -> str:
        """``value`` as text."""
        return default if self.value is None else str(self.value)

    def applies(self, operation: Operation, export: Target | None) -> bool:
        """Whether it hits this occasion, which then counts."""
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
    """The faults of one sandbox; none to begin with."""

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
        """Spoil the next ``times`` occasions (None: all of them, until it is stopped).

        Args:
            kind: What goes wrong.
            times: For what befalls an export a number of exports, otherwise of answers.
            on: The operations that are struck; each kind has its own default, request faults strike any.
            match: Strike only where an export is known (show, update, download, state faults) and this holds.
            value: What the kind says it is.
        """
        kind = Fault(kind)
        chosen = (on,) if isinstance(on, str) else on
        operations = frozenset(map(Operation, chosen)) if chosen else default_operations(kind)
        injection = Injection(kind, times, operations, match, value)
        with self._lock:
            self._injections.append(injection)
        return injection

    def clear(self) -> None:
        """Switch everything off."""
        with self._lock:
            for injection in self._injections:
                injection.stop()
            self._injections.clear()

    def take(self, kinds: Collection[Fault], operation: Operation, export: Target | None = None) -> Injection | None:
        """The first switched-on fault of ``kinds`` that strikes this occasion, counted; or None."""
        with self._lock:
            return next(
                (
                    injection
                    for injection in self._injections
                    if injection.kind in kinds and injection.applies(operation, export)
                ),
                None,
            )
