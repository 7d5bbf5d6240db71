"""What the pipeline needs of a vendor that exports records asynchronously."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol, runtime_checkable

import requests
from pydantic import SecretStr

from pipeline.dataset import Companion, Dataset
from pipeline.months import Month


class Status(Enum):
    """How far an export has come.

    Of one that ``FAILED`` nothing will come. ``UNKNOWN`` is neither done nor failed: it is shown, and bounded by the
    deadline.
    """

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Credentials:
    """Where a vendor is, and how it lets us in.

    ``setting`` is the name of the setting that holds the ``key``. ``version`` and ``token_url`` are for vendors that
    have several versions of their API, or that want a token in the key's place. ``callback_url`` is where a vendor that
    can is to tell that an export is completed.
    """

    url: str
    key: SecretStr
    setting: str
    version: str = ""
    token_url: str = ""
    callback_url: str = ""


@dataclass(frozen=True)
class Request:
    """A window of one dataset, wanted from its vendor; ``start`` is in it, ``end`` is not."""

    dataset: Dataset
    month: Month
    start: datetime
    end: datetime
    reference: str


@dataclass(frozen=True)
class Export:
    """One export as the vendor's list shows it, whoever asked for it; ``resource`` is the vendor's word for what.

    ``url`` is where the file is; a completed export without one is not ready. Where only a look at the export itself
    tells it, ``url`` is the address to look at. ``filters`` is what the list repeats of the request, as served.
    ``reference``, ``start`` and ``end`` are None where the vendor does not repeat them: our own notes know them then.
    ``records`` is how many the vendor says that the file of a completed export holds, None where it does not say.
    """

    id: str
    resource: str
    status: Status
    created_at: datetime
    url: str | None = None
    reference: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    filters: Mapping[str, object] = field(default_factory=dict)
    api_version: str = ""
    records: int | None = None
    said: str = ""
    """The vendor's own word for the status."""

    noted: bool = False
    """Whether we know it by its id, because we noted what we asked for."""

    companion: Companion | None = None
    """Which of its further files is meant, where it is not the file of its records."""

    @property
    def ready(self) -> bool:
        """Whether its file can be fetched."""
        return self.status is Status.COMPLETED and self.url is not None


class Listing(list[Export]):
    """The exports that a vendor lists, each once; ``doubt`` says why there may be more, empty where these are all."""

    def __init__(self, exports: Iterable[Export] = (), doubt: str = "") -> None:
        super().__init__(exports)
        self.doubt = doubt


class ExportVendor(Protocol):
    """What the rest of the pipeline needs of a vendor: three verbs, a clock, and what it forgets when."""

    name: str

    reference_length: int
    """How long a reference of ours an export can carry, in characters; 0 where it carries none."""

    months_kept: int | None
    """The months whose records can be asked for, the running one among them; None where there is no end to them."""

    def ask(self, request: Request) -> Export:
        """Create the export; a ``TransientError`` leaves open whether it was created, so look before asking again."""
        ...

    def exports(self) -> Listing:
        """Every export the vendor still lists; raises where a page cannot be read, in doubt where some are missing."""
        ...

    def holds(self, export: Export, dataset: Dataset) -> bool:
        """Whether the export may be one of the dataset: nothing that the list repeats of its request says otherwise.

        The window is not looked at.
        """
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


@runtime_checkable
class HasCompanions(Protocol):
    """A vendor that keeps some records of an export out of its file, and has further files of them.

    Its ``open`` takes an export whose ``companion`` says which file is meant.
    """

    def companions(self, export: Export) -> Sequence[Companion]:
        """The further files that a completed export has."""
        ...


def companions_of(vendor: ExportVendor, export: Export) -> Sequence[Companion]:
    """The further files of a completed export; none where its vendor has no such files."""
    return vendor.companions(export) if isinstance(vendor, HasCompanions) else ()
