"""Misbehaviour on demand: each fault is switched on for the next so many occasions, and counted."""

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from enum import StrEnum

from pipeline.sandbox.exports import Export


class Operation(StrEnum):
    """What a request wants; where a fault strikes."""

    CREATE = "create"
    LIST = "list"
    SHOW = "show"
    UPDATE = "update"
    DOWNLOAD = "download"


class Fault(StrEnum):
    """Everything that can go wrong; what ``value`` means, if anything, stands beside the name."""

    BAD_GATEWAY = "bad_gateway"
    """502 with an HTML page; ``value``: another status, like 503."""
    TOO_MANY_REQUESTS = "too_many_requests"
    """429; ``value``: what Retry-After says, which is absent otherwise."""
    DROPPED = "dropped"
    """The connection closes before anything was done: a POST creates nothing."""
    UNANSWERED = "unanswered"
    """The request is carried out, a POST does create its export, and the answer never arrives."""

    STUCK = "stuck"
    """The export stays in ``processing`` for ever."""
    UNKNOWN_STATUS = "unknown_status"
    """The export's status is ``value`` (default ``failed``), and it has no url."""
    WITHOUT_URL = "without_url"
    """The export is completed and has no url, for as many answers as ``times`` says."""

    INVALID_JSON = "invalid_json"
    """The list is cut in the middle of its JSON."""
    ENDLESS_NEXT = "endless_next"
    """The page's ``next`` link leads to the page itself."""
    LIST_GROWS = "list_grows"
    """Before a page after the first is answered, an export appears in front: one export comes twice."""
    LIST_SHRINKS = "list_shrinks"
    """Before a page after the first is answered, the front export expires: one export is never seen."""

    CUT_BODY = "cut_body"
    """Half of the file under a Content-Length for all of it."""
    CUT_UNSIZED = "cut_unsized"
    """Half of the file, without a Content-Length, ended by closing the connection."""
    CUT_CHUNKED = "cut_chunked"
    """Half of the file in chunks, without the last chunk."""
    CUT_GZIP = "cut_gzip"
    """A whole answer whose gzip stream ends early."""
    CORRUPT_CRC = "corrupt_crc"
    """A whole answer whose gzip checksum is wrong."""
    CONTENT_ENCODING = "content_encoding"
    """The right bytes under ``Content-Encoding: gzip``, as an intermediary might add it."""
    HTML_PAGE = "html_page"
    """Status 200 and a page in place of the file."""
    REDIRECT = "redirect"
    """302 to ``value``, by default to the same file under the host name ``localhost``."""
    SLOW_BODY = "slow_body"
    """The file in ten pieces with a pause of ``value`` seconds (default 0.05) before each."""
    FILE_GONE = "file_gone"
    """404 although the export is completed."""

    MISSING_COLUMN = "missing_column"
    """The file lacks the column named ``value`` (default ``Call ID``)."""
    EXTRA_COLUMN = "extra_column"
    """The file has one more column, named ``value`` (default ``New Column``)."""
    RAGGED_ROW = "ragged_row"
    """The first record lacks its last two cells."""
    NO_FINAL_NEWLINE = "no_final_newline"
    HEADER_ONLY = "header_only"
    BOM = "bom"
    CRLF = "crlf"


_EVERYWHERE = frozenset(Operation)
_READING = frozenset({Operation.LIST, Operation.SHOW})
_LISTING = frozenset({Operation.LIST})
_DOWNLOADING = frozenset({Operation.DOWNLOAD})

REQUEST_FAULTS = (Fault.BAD_GATEWAY, Fault.TOO_MANY_REQUESTS, Fault.DROPPED)
STATE_FAULTS = (Fault.STUCK, Fault.UNKNOWN_STATUS)
FILE_FAULTS = (Fault.FILE_GONE, Fault.HTML_PAGE, Fault.REDIRECT)
SHAPE_FAULTS = (
    Fault.MISSING_COLUMN,
    Fault.EXTRA_COLUMN,
    Fault.RAGGED_ROW,
    Fault.NO_FINAL_NEWLINE,
    Fault.HEADER_ONLY,
    Fault.BOM,
    Fault.CRLF,
)


def _default_operations(kind: Fault) -> frozenset[Operation]:
    if kind in REQUEST_FAULTS or kind in (Fault.UNANSWERED, *STATE_FAULTS):
        return _EVERYWHERE
    if kind is Fault.WITHOUT_URL:
        return _READING
    if kind in (Fault.INVALID_JSON, Fault.ENDLESS_NEXT, Fault.LIST_GROWS, Fault.LIST_SHRINKS):
        return _LISTING
    return _DOWNLOADING


@dataclass
class Injection:
    """One fault that was switched on; ``hits`` counts the answers it has spoilt."""

    kind: Fault
    times: int | None
    on: frozenset[Operation]
    match: Callable[[Export], bool] | None
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

    def strikes(self, operation: Operation, export: Export | None) -> bool:
        """Whether it hits this occasion, which then counts."""
        if not self.active or operation not in self.on or not self._matches(export):
            return False
        if self.kind in STATE_FAULTS and export is not None:
            if export.id not in self._afflicted and self.times is not None and len(self._afflicted) >= self.times:
                return False
            self._afflicted.add(export.id)
        elif self.times is not None and self.hits >= self.times:
            return False
        self.hits += 1
        return True

    def _matches(self, export: Export | None) -> bool:
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
        match: Callable[[Export], bool] | None = None,
        value: str | float | None = None,
    ) -> Injection:
        """Spoil the next ``times`` occasions (None: all of them, until it is stopped).

        Args:
            kind: What goes wrong.
            times: For ``STUCK`` and ``UNKNOWN_STATUS`` a number of exports, otherwise of answers.
            on: The operations that are struck; each kind has its own default, request faults strike any.
            match: Strike only where an export is known (show, update, download, state faults) and this holds.
            value: What the kind says it is.
        """
        kind = Fault(kind)
        chosen = (on,) if isinstance(on, str) else on
        operations = frozenset(map(Operation, chosen)) if chosen else _default_operations(kind)
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

    def take(self, kinds: Collection[Fault], operation: Operation, export: Export | None = None) -> Injection | None:
        """The first switched-on fault of ``kinds`` that strikes this occasion, counted; or None."""
        with self._lock:
            return next(
                (
                    injection
                    for injection in self._injections
                    if injection.kind in kinds and injection.strikes(operation, export)
                ),
                None,
            )
