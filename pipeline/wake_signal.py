"""A signal between processes: something is new at the vendor, so the sensor should read its list now.

The signal is the time of a file. A lost signal costs only time, and an extra signal costs one request.
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from pipeline.errors import writing
from pipeline.storage import private_folder


class WakeSignal:
    """A signal that one process sends and others see.

    Args:
        path: The file of the signal.
        clock: Returns the time, aware. All processes must use the same clock.
    """

    def __init__(self, path: Path, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._path = path
        self._clock = clock

    @classmethod
    def of(cls, data: Path) -> Self:
        """Return the signal of a data directory."""
        return cls(data / ".locks" / "callback")

    def send(self) -> None:
        """Send the signal; raises ``PermanentError`` where the file cannot be written."""
        with writing("The wake signal of a callback", self._path.parent):
            private_folder(self._path.parent.parent)
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch()
            # the file system's own time may be milliseconds late, before a look that has just begun
            now = self._clock().timestamp()
            os.utime(self._path, (now, now))

    def sent_after(self, moment: datetime) -> bool:
        """Whether the signal was sent after ``moment``, such as the beginning of the last look.

        A signal in the future is ignored: the clock may have been set back.
        """
        try:
            sent = datetime.fromtimestamp(self._path.stat().st_mtime, UTC)
        except OSError:
            return False
        return moment < sent <= self._clock()
