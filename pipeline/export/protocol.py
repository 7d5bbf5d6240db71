"""What the pipeline needs of a vendor that exports records asynchronously."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol

import requests

from pipeline.months import Month


class Status(Enum):
    """How far an export has come. ``UNKNOWN`` is neither done nor failed: it is shown, and bounded by the deadline."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Request:
    """A window of one record type, wanted from a vendor; ``start`` is in it, ``end`` is not."""

    record_type: str
    month: Month
    start: datetime
    end: datetime
    reference: str


@dataclass(frozen=True)
class Export:
    """One export as the vendor's list shows it, whoever asked for it.

    ``url`` is where the file is; a completed export without one is not ready. ``filters`` is kept as served.
    """

    id: str
    record_type: str
    status: Status
    created_at: datetime
    url: str | None = None
    reference: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    filters: Mapping[str, object] = field(default_factory=dict)
    api_version: str = ""
    said: str = ""
    """The vendor's own word for the status."""

    @property
    def ready(self) -> bool:
        """Whether its file can be fetched."""
        return self.status is Status.COMPLETED and self.url is not None


class ExportVendor(Protocol):
    """What the rest of the pipeline needs of a vendor: three verbs and a clock."""

    name: str

    def ask(self, request: Request) -> Export:
        """Create the export; a ``TransientError`` leaves open whether it was created, so look before asking again."""
        ...

    def exports(self) -> Sequence[Export]:
        """Every export the vendor still lists, each once; raises rather than return a part of the list."""
        ...

    def open(self, export: Export, offset: int = 0, etag: str = "") -> requests.Response:
        """Start to stream the file from byte ``offset``, if it is still the one that ``etag`` names.

        The answer is 206 where the server resumed and 200 where it began anew. Credentials go to the
        vendor's own host only, whatever ``url`` or a redirect may name.
        """
        ...

    def skew(self) -> timedelta | None:
        """By how much the vendor's clock was ahead of ours at its last answer; None where that is not known."""
        ...
