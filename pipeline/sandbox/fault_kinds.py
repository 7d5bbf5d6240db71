"""The kinds of faults, and the operations that each applies to by default."""

from enum import StrEnum


class Operation(StrEnum):
    """What a request wants; a fault applies to some of them."""

    CREATE = "create"
    LIST = "list"
    SHOW = "show"
    UPDATE = "update"
    DOWNLOAD = "download"
    MINT = "mint"


class Fault(StrEnum):
    """The kinds of faults; each says what ``value`` means, if anything."""

    BAD_GATEWAY = "bad_gateway"
    """502 with an HTML page; ``value``: another status, like 503."""
    TOO_MANY_REQUESTS = "too_many_requests"
    """429; ``value``: what Retry-After says, which is absent otherwise."""
    DROPPED = "dropped"
    """The connection closes before anything was done: a POST creates nothing."""
    UNANSWERED = "unanswered"
    """The request is carried out, a POST does create its export, and the answer never arrives."""

    STUCK = "stuck"
    """The export stays in ``processing``."""
    UNKNOWN_STATUS = "unknown_status"
    """The export's status is ``value`` (default ``failed``), and it has no url."""
    FAILED = "failed"
    """The export failed; ``value``: the vendor's word for it, where it has several."""
    VANISHED = "vanished"
    """The export is gone before its time: from the list, and 404 by itself."""
    WITHOUT_URL = "without_url"
    """The export is completed and has no url, for as many responses as ``times`` says."""

    BUSY = "busy"
    """The vendor takes no more exports for now, in its own words, and creates nothing."""
    LATE = "late"
    """The export is missing in the next ``times`` lists."""
    INVALID_JSON = "invalid_json"
    """The list is cut in the middle of its JSON."""
    ENDLESS_NEXT = "endless_next"
    """The page's ``next`` link leads to the page itself."""
    LIST_GROWS = "list_grows"
    """An export appears in front before a later page: one export comes twice."""
    LIST_SHRINKS = "list_shrinks"
    """The front export expires before a later page: one export is never seen."""

    CUT_BODY = "cut_body"
    """Half of the file under a Content-Length for all of it."""
    CUT_UNSIZED = "cut_unsized"
    """Half of the file, without a Content-Length, ended by closing the connection."""
    CUT_CHUNKED = "cut_chunked"
    """Half of the file in chunks, without the last chunk."""
    CUT_GZIP = "cut_gzip"
    """A whole response whose gzip stream ends early."""
    CORRUPT_CRC = "corrupt_crc"
    """A whole response whose gzip checksum is wrong."""
    CONTENT_ENCODING = "content_encoding"
    """The right bytes under ``Content-Encoding: gzip``, as an intermediary might add it."""
    HTML_PAGE = "html_page"
    """Status 200 and a page in place of the file."""
    REDIRECT = "redirect"
    """302 to ``value``, by default to the same file under the host name ``localhost``."""
    SLOW_BODY = "slow_body"
    """The file in ten pieces with a pause of ``value`` seconds (default 0.05) before each."""
    POINTER_EXPIRED = "pointer_expired"
    """403 for the address of the file, as if it had been handed out too long ago."""
    FILE_GONE = "file_gone"
    """404 although the export is completed."""

    MISSING_COLUMN = "missing_column"
    """The file lacks the column named ``value`` (default ``Call ID``)."""
    EXTRA_COLUMN = "extra_column"
    """The file has one more column, named ``value`` (default ``New Column``)."""
    RAGGED_ROW = "ragged_row"
    """The first record lacks its last two cells."""
    FEWER_RECORDS = "fewer_records"
    """The file lacks its first ``value`` records (default 1), which the vendor counts nevertheless."""
    NO_FINAL_NEWLINE = "no_final_newline"
    HEADER_ONLY = "header_only"
    BOM = "bom"
    CRLF = "crlf"


_EVERYWHERE = frozenset(Operation)
_READING = frozenset({Operation.LIST, Operation.SHOW})
_LISTING = frozenset({Operation.LIST})
_DOWNLOADING = frozenset({Operation.DOWNLOAD})
_CREATING = frozenset({Operation.CREATE})

REQUEST_FAULTS = (Fault.BAD_GATEWAY, Fault.TOO_MANY_REQUESTS, Fault.DROPPED)
STATE_FAULTS = (Fault.STUCK, Fault.UNKNOWN_STATUS, Fault.FAILED)
FILE_FAULTS = (Fault.FILE_GONE, Fault.HTML_PAGE, Fault.REDIRECT, Fault.POINTER_EXPIRED)
SHAPE_FAULTS = (
    Fault.MISSING_COLUMN,
    Fault.EXTRA_COLUMN,
    Fault.RAGGED_ROW,
    Fault.FEWER_RECORDS,
    Fault.NO_FINAL_NEWLINE,
    Fault.HEADER_ONLY,
    Fault.BOM,
    Fault.CRLF,
)


EXPORT_FAULTS = (*STATE_FAULTS, Fault.VANISHED)
_OF_LISTS = (Fault.LATE, Fault.INVALID_JSON, Fault.ENDLESS_NEXT, Fault.LIST_GROWS, Fault.LIST_SHRINKS)


def default_operations(kind: Fault) -> frozenset[Operation]:
    """Return the operations that a fault applies to by default."""
    if kind in REQUEST_FAULTS or kind in (Fault.UNANSWERED, *EXPORT_FAULTS):
        return _EVERYWHERE
    if kind is Fault.WITHOUT_URL:
        return _READING
    if kind is Fault.BUSY:
        return _CREATING
    if kind in _OF_LISTS:
        return _LISTING
    return _DOWNLOADING
