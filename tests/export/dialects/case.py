"""What the contract needs to know of a dialect to prove it."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from pipeline.dataset import Dataset
from pipeline.export.protocol import Export, ExportVendor
from pipeline.sandbox import Fault


@dataclass(frozen=True)
class Case:
    """A vendor, the local one in its place, and what this vendor calls things.

    ``sandbox`` is called with ``seed, clock, pending, processing, api_key, foreign, rate_limit`` and makes a context
    manager with ``url, requests, exports, faults``. ``client`` makes the vendor's client of that url and a key.
    """

    sandbox: Callable[..., Any]
    client: Callable[[str, str], ExportVendor]
    datasets: tuple[Dataset, ...]
    key_header: str
    key_setting: str
    page: int
    """Exports on a page of the list."""

    resumes: bool = True
    """Whether a file can be taken up in the middle, guarded by an ETag."""

    counted: bool = True
    """Whether the list says how many exports it has, so that a page that shifted is noticed."""

    tells_records: bool = False
    """Whether the list says how many records a completed export holds."""

    failed: str = ""
    """The vendor's word for an export that failed; empty where it has none."""

    key: Callable[[str], str] = str
    """The form of a key that can be let in."""

    reach: int = 1_000_000
    """How many exports the list can show at all."""

    kept: timedelta | None = None
    """How long an export is kept, where the vendor says so."""

    refused: Mapping[str, Any] = field(default_factory=lambda: {"filters": {"bogus": "1"}})
    """What of a dataset the vendor refuses, and below what is said of it."""

    reason: str = "bogus"

    loop: Callable[[Export], str | None] = lambda export: None
    """Where a redirect leads back to the file; None where it does by itself."""

    without: Collection[Fault] = field(default=frozenset())
    """Faults that this vendor cannot have."""
