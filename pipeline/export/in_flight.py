"""The request in flight: a POST without an answer, or one that arrives after its sender was killed."""

import json
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipeline.errors import writing
from pipeline.export.matching import Noted
from pipeline.export.protocol import Request
from pipeline.months import Month
from pipeline.storage import make_folder, write_text

IN_FLIGHT_SECONDS = 10.0
"""How long a POST may take to show in the list after its sender was killed; later it counts as lost."""


@dataclass(frozen=True)
class InFlightRequest:
    """A POST whose result is unknown.

    Args:
        month: The month that it requests.
        noted: The reference and window that it requests.
        at: When it was sent, by the vendor's clock.
        carried: Whether the export will carry the reference.
    """

    month: Month
    noted: Noted
    at: datetime
    carried: bool


class InFlight:
    """A file that exists from before one POST until its result is known."""

    def __init__(self, path: Path, seconds: float = IN_FLIGHT_SECONDS) -> None:
        self._path = path
        self._seconds = seconds

    def note(self, request: Request, at: datetime, *, carried: bool) -> None:
        """Write the note of a POST, before it is sent.

        Args:
            request: What is requested.
            at: The time of the POST, by the vendor's clock.
            carried: Whether the export will carry the reference.
        """
        times = (moment.isoformat() for moment in (request.start, request.end, at))
        content = [str(request.month), request.reference, carried, *times]
        with writing("The note of a request", self._path.parent):
            make_folder(self._path.parent)
            write_text(self._path, json.dumps(content))

    def left(self) -> InFlightRequest | None:
        """Return the POST of a process that was killed or got no answer; None without such a POST."""
        try:
            month, reference, carried, *times = json.loads(self._path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):  # killed while it wrote the note: before it sent anything
            return None
        start, end, at = map(datetime.fromisoformat, times)
        return InFlightRequest(Month.parse(month), Noted(reference, start, end), at, carried)

    def seconds_left(self) -> float:
        """Return for how many seconds that POST can still arrive."""
        age = time.time() - self._path.stat().st_mtime
        return min(self._seconds, self._seconds - age)

    def clear(self) -> None:
        """Remove the note: the result is known."""
        self._path.unlink(missing_ok=True)
