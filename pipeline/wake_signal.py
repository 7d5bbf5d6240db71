"""A file whose time says when somebody rang: something is new at the vendor, so look at its list now.

It hastens the next look and does nothing else. A ring that is lost costs only time, one too many costs a look.
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from pipeline.errors import writing
from pipeline.storage import private_folder


class WakeSignal:
    """Rung by one process and heard by others; ``clock`` is aware, and the same for all of them."""

    def __init__(self, path: Path, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._path = path
        self._clock = clock

    @classmethod
    def of(cls, data: Path) -> Self:
        """The one of a data directory."""
        return cls(data / ".locks" / "callback")

    def send(self) -> None:
        """Say that it rang now; raises ``PermanentError`` where that cannot be written."""
        with writing("The ring of a callback", self._path.parent):
            private_folder(self._path.parent.parent)
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch()
            # The time that a file system gives by itself may lie milliseconds back, before a look that has just begun.
            now = self._clock().timestamp()
            os.utime(self._path, (now, now))

    def sent_after(self, moment: datetime) -> bool:
        """Whether it rang after ``moment``, such as the beginning of the last look.

        A ring of the future is none: where a clock was set back it would never be over.
        """
        try:
            rung = datetime.fromtimestamp(self._path.stat().st_mtime, UTC)
        except OSError:
            return False
        return moment < rung <= self._clock()
