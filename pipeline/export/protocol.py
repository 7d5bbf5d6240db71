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

    A ``FAILED`` export will never have a file. ``UNKNOWN`` is neither done nor failed: it is shown, and the deadline
    ends it.
    """

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Credentials:
    """The address of a vendor and the key to it.

    Args:
        url: The base of the API.
        key: The API key.
        setting: The name of the setting that holds the key, for errors.
        version: The API version to ask for, for vendors that have several.
        token_url: Where to change the key for a token, for vendors that want one.
        callback_url: Where the vendor is to report completed exports, for vendors that can.
    """

    url: str
    key: SecretStr
    setting: str
    version: str = ""
    token_url: str = ""
    callback_url: str = ""


@dataclass(frozen=True)
class Request:
    """A request for the records of a dataset in the window from ``start`` to before ``end``."""

    dataset: Dataset
    month: Month
    start: datetime
    end: datetime
    reference: str


@dataclass(frozen=True)
class Export:
    """An export as the vendor's list shows it, requested by us or by others.

    Args:
        id: The vendor's id.
        resource: The vendor's word for what is exported.
        status: How far the export has come.
        created_at: When it was created; year 1 where the vendor does not say.
        url: The address of the file, or of the export where only that shows it. Without one, the export is not ready.
        reference: Our reference; None where neither the vendor nor our notes have it.
        start: The start of the window; None as with ``reference``.
        end: The end of the window, excluded; None as with ``reference``.
        filters: What the list repeats of the request, as served.
        api_version: The version of the response that showed the export, where the API has versions.
        records: How many records the vendor says the file holds; None where it does not say.
        vendor_status: The status in the vendor's words.
        noted: Whether our notes have the export's id.
        companion: Which of the further files is meant; None for the file of records.
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
    vendor_status: str = ""
    noted: bool = False
    companion: Companion | None = None

    @property
    def ready(self) -> bool:
        """Whether the file can be fetched."""
        return self.status is Status.COMPLETED and self.url is not None


class Listing(list[Export]):
    """The exports of a vendor's list, each once; ``doubt`` says why some may be missing and is empty otherwise."""

    def __init__(self, exports: Iterable[Export] = (), doubt: str = "") -> None:
        super().__init__(exports)
        self.doubt = doubt


class ExportVendor(Protocol):
    """A client of one vendor's exports."""

    name: str

    reference_length: int
    """How many characters of our reference an export carries; 0 where it carries none."""

    months_kept: int | None
    """How many months can be exported, the running one included; None for no limit."""

    def request(self, request: Request) -> Export:
        """Create an export and return it.

        After a ``TransientError`` it may have been created, so read the list before you request it again.
        """
        ...

    def exports(self) -> Listing:
        """Return the vendor's list, in doubt where exports may be missing; raise where a page cannot be read."""
        ...

    def holds(self, export: Export, dataset: Dataset) -> bool:
        """Return whether the export may be one of the dataset.

        It may be where nothing that the list repeats of the request differs from the dataset. The window is not
        compared.
        """
        ...

    def open(self, export: Export, offset: int = 0, etag: str = "") -> requests.Response:
        """Start to stream the file of an export.

        Credentials go to the vendor's own host only, whatever address ``url`` or a redirect names.

        Args:
            export: The export, whose file is ready.
            offset: The first byte that is wanted.
            etag: The ETag that the file must still have to be resumed at ``offset``.

        Returns:
            The response: 206 where the server resumed, 200 where it began from the start.
        """
        ...

    def skew(self) -> timedelta | None:
        """Return how far the vendor's clock was ahead of ours at its last response; None where that is not known."""
        ...


@runtime_checkable
class HasCompanions(Protocol):
    """A vendor whose exports have further files, for records that are not in the main file.

    Its ``open`` takes an export whose ``companion`` says which file is meant.
    """

    def companions(self, export: Export) -> Sequence[Companion]:
        """Return which further files a completed export has."""
        ...


def companions_of(vendor: ExportVendor, export: Export) -> Sequence[Companion]:
    """Return which further files a completed export has; none where the vendor has no such files."""
    return vendor.companions(export) if isinstance(vendor, HasCompanions) else ()
