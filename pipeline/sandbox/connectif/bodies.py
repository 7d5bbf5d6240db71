"""The requests that a local Connectif takes or refuses, and foreign ones.

The columns are invented, and that the window excludes ``toDate``; the rest is documented.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from random import Random

from pipeline.months import Month
from pipeline.sandbox.account import Draft
from pipeline.sandbox.files.sheet import iso

ACTIVITIES, CONTACTS, EXPLORER = "activities", "contacts", "data-explorer"
DATES = {"ISO": iso, "L": "{:%m/%d/%Y}".format, "LL": "{:%B %d, %Y}".format, "LLL": "{:%B %d, %Y %I:%M %p}".format}
"""How each ``dateFormat`` writes a time."""

_REPORT = {"date": "timestamp", "campaign": "text", "sent": "integer", "revenue": "money"}
_ACTIVITY = {
    "id": "id",
    "date": "timestamp",
    "type": "text",
    "contact": "text",
    "quantity": "integer",
    "amount": "money",
    "channel": "text",
}
_SINCE_V2 = ("channel",)
_IN_THE_APP = ("banner-stats", "form-stats", "modal-stats", "push-stats", "webhooks-execution-logs")
FIELDS: Mapping[str, Mapping[str, str]] = {
    ACTIVITIES: _ACTIVITY,
    CONTACTS: {"id": "id", "created": "timestamp", "email": "text", "name": "text"},
    EXPLORER: _REPORT,
    **dict.fromkeys(_IN_THE_APP, _REPORT),
}
_DELIMITERS = (",", ";")
_VERSIONS = ("v1", "v2", "v6")
_LONGEST = timedelta(days=31)
_A_DAY = timedelta(days=1)
_P_OTHER = 0.7


class InvalidError(Exception):
    """A field that Connectif refuses, and why."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason


def read(kind: str, body: Mapping[str, object]) -> Draft:
    """Return what a create body asks for; raise ``InvalidError`` for an invalid one."""
    if kind not in (ACTIVITIES, CONTACTS, EXPLORER):
        raise InvalidError("exportType", "must be contacts or activities")
    if body.get("delimiter") not in _DELIMITERS:
        raise InvalidError("delimiter", "must be , or ;")
    if kind != EXPLORER and body.get("dateFormat") not in DATES:
        raise InvalidError("dateFormat", f"must be one of {', '.join(DATES)}")
    filters = filters_of(body)
    if kind == EXPLORER and not filters.get("reportId"):
        raise InvalidError("filters.reportId", "is required")
    return _drafted(kind, body)


def foreign_draft(rng: Random, now: datetime) -> Draft:
    """Return a request of others; some look like ours."""
    kind = rng.choice([ACTIVITIES, *FIELDS])
    month = Month.of(now).shift(-rng.randrange(1, 4))
    body: dict[str, object] = {"origin": "api", "delimiter": ",", "version": "v1"}
    filters = {"fromDate": iso(month.start), "toDate": iso(month.end)}
    if kind == EXPLORER:
        filters = {"fromDate": f"{month.start:%Y-%m-%d}", "toDate": f"{month.end - _A_DAY:%Y-%m-%d}"}
    if kind != ACTIVITIES or rng.random() < _P_OTHER:
        origins = ("app",) if kind in _IN_THE_APP else ("api", "app")
        body = {"origin": rng.choice(origins), "delimiter": rng.choice(_DELIMITERS), "version": rng.choice(_VERSIONS)}
        body["dateFormat"] = rng.choice([*DATES])
        filters["reportId" if kind == EXPLORER else "segmentId"] = f"{rng.getrandbits(96):024x}"
    return _drafted(kind, {**body, "filters": filters})


def filters_of(body: Mapping[str, object]) -> Mapping[str, object]:
    """Return the filters of a body; empty where it has none."""
    filters = body.get("filters") or {}
    if not isinstance(filters, dict):
        raise InvalidError("filters", "must be an object")
    return filters


def _drafted(kind: str, body: Mapping[str, object]) -> Draft:
    """Return the draft; only activities and reports have a window, and that of a report is whole days."""
    columns = tuple(n for n in FIELDS[kind] if n not in _SINCE_V2 or body.get("version", "v1") != "v1")
    if kind not in (ACTIVITIES, EXPLORER):
        return Draft(kind, columns, body)
    start, end = (_moment(kind, filters_of(body), name) for name in ("fromDate", "toDate"))
    end += _A_DAY if kind == EXPLORER else timedelta(0)
    if not start < end <= start + _LONGEST:
        raise InvalidError("filters.toDate", "must be later than fromDate, by no more than 31 days")
    return Draft(kind, columns, body, start, end)


def _moment(kind: str, filters: Mapping[str, object], name: str) -> datetime:
    form = "%Y-%m-%d" if kind == EXPLORER else "%Y-%m-%dT%H:%M:%S.%fZ"
    try:
        return datetime.strptime(str(filters.get(name)), form).replace(tzinfo=UTC)
    except ValueError as error:
        raise InvalidError(f"filters.{name}", f"must be written like {form}") from error
