"""What a killed process may have left on its way to the vendor: a POST that arrives after its sender died."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import writing
from pipeline.export.protocol import Export

ON_ITS_WAY_SECONDS = 10.0
"""How long a request may stay unheard of after its sender died; what the vendor has not shown by then was lost."""


class Outbox:
    """A file that stands while one POST is under way, and after its end only where the process was killed."""

    def __init__(self, path: Path, on_its_way: float = ON_ITS_WAY_SECONDS) -> None:
        self._path = path
        self._on_its_way = on_its_way

    @contextmanager
    def sending(self, reference: str) -> Iterator[None]:
        """Say that a POST is under way, until it was answered or given up."""
        with writing("The note of a request", self._path.parent):
            self._path.write_text(reference, encoding="utf-8")
        try:
            yield
        except Exception:
            self._path.unlink()
            raise
        self._path.unlink()

    def after_arrival(self, read: Callable[[], Sequence[Export]], pause: float = 0.5) -> Sequence[Export]:
        """The vendor's list as ``read``, once it shows what was under way, or that can arrive no more."""
        listed = read()
        if not self._path.exists():
            return listed
        reference = self._path.read_text(encoding="utf-8")
        end = time.monotonic() + min(self._on_its_way, self._path.stat().st_mtime + self._on_its_way - time.time())
        while all(export.reference != reference for export in listed) and time.monotonic() < end:
            time.sleep(pause)
            listed = read()
        self._path.unlink()
        return listed
