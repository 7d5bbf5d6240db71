"""What may still be on its way to the vendor: a POST without an answer, or that arrives after its sender died."""

import json
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipeline.errors import writing
from pipeline.export.protocol import Request
from pipeline.export.recognising import Note
from pipeline.months import Month
from pipeline.storage import make_folder, write_text

ON_ITS_WAY_SECONDS = 10.0
"""How long a request may stay unheard of after its sender died; what the vendor has not shown by then was lost."""


@dataclass(frozen=True)
class Sent:
    """A POST of which nobody knows what became: what it asked for, and when it left, by the vendor's clock."""

    month: Month
    note: Note
    at: datetime
    carried: bool


class Outbox:
    """A file that stands while one POST is under way, and afterwards as long as nobody knows what became of it."""

    def __init__(self, path: Path, on_its_way: float = ON_ITS_WAY_SECONDS) -> None:
        self._path = path
        self._on_its_way = on_its_way

    def note(self, request: Request, at: datetime, *, carried: bool) -> None:
        """Say that a POST is under way, until it is noted what it created, or the vendor refused it.

        ``carried`` tells whether the export will bear the reference.
        """
        times = (moment.isoformat() for moment in (request.start, request.end, at))
        said = [str(request.month), request.reference, carried, *times]
        with writing("The note of a request", self._path.parent):
            make_folder(self._path.parent)
            write_text(self._path, json.dumps(said))

    def left(self) -> Sent | None:
        """What was sent and not heard of, by a process that was killed or got no answer."""
        try:
            month, reference, carried, *times = json.loads(self._path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):  # killed while it wrote the note: before it sent anything
            return None
        start, end, at = map(datetime.fromisoformat, times)
        return Sent(Month.parse(month), Note(reference, start, end), at, carried)

    def seconds_left(self) -> float:
        """How long that can still arrive."""
        age = time.time() - self._path.stat().st_mtime
        return min(self._on_its_way, self._on_its_way - age)

    def clear(self) -> None:
        """Nothing is under way any more."""
        self._path.unlink(missing_ok=True)
