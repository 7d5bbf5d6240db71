"""The requests that a local Rebilly takes or refuses, and foreign ones."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from random import Random

from pipeline.sandbox.account import Draft

_TRANSACTION = {
    "id": "id",
    "createdTime": "timestamp",
    "processedTime": "timestamp",
    "type": "text",
    "currency": "text",
    "planName": "text",
    "retryNumber": "integer",
    "amount": "money",
    "purchaseAmount": "money",
}
_CUSTOMER = {
    "id": "id",
    "createdTime": "timestamp",
    "updatedTime": "timestamp",
    "firstName": "text",
    "paymentCount": "integer",
    "averageValue/amount": "money",
    "lifetimeRevenue/amount": "money",
}
_INVOICE = {
    "id": "id",
    "createdTime": "timestamp",
    "issuedTime": "timestamp",
    "notes": "text",
    "invoiceNumber": "integer",
    "amount": "money",
}
FIELDS = {"transactions": _TRANSACTION, "customers": _CUSTOMER, "invoices": _INVOICE, "disputes": _TRANSACTION}
"""The kind of each field, by resource."""

_FORMATS = {
    "transactions": ("csv", "json", "json-api", "xml", "detailed-csv"),
    "customers": ("csv", "json", "json-api", "xml", "detailed-csv"),
    "invoices": ("csv", "json", "json-api", "xml", "pdf", "detailed-csv"),
    "disputes": ("csv", "json", "json-api", "xml"),
}
_WINDOWS = {"transactions": "processedTime", "invoices": "issuedTime"}
_ARGUMENTS = {"filter", "sort", "q"}
_MEMBERS = {"name", "resource", "format", "arguments", "dateRange", "fields", "recurring", "emailNotification"}
_LONGEST_NAME = 50
_P_RECURRING = 0.1
_NAMES = ("Monthly sales", "run-7f3a9c-2026-11-20", "cdr/other/sales/2026-10/day0", "Ünpaid; “open”", "test", "test")
_RELATIVE: Mapping[str, Callable[[datetime], datetime]] = {
    "now": lambda now: now,
    "yesterday": lambda now: _midnight(now) - timedelta(days=1),
    "first day of this month midnight": lambda now: _midnight(now).replace(day=1),
    "first day of last month midnight": lambda now: (_midnight(now).replace(day=1) - timedelta(days=1)).replace(day=1),
}

Body = Mapping[str, object]


def moment(text: object, now: datetime) -> datetime | None:
    """Return an ISO 8601 time or a known relative date of PHP; None for anything else."""
    if text in _RELATIVE:
        return _RELATIVE[str(text)](now)
    try:
        read = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)


def complaints(body: Body, now: datetime) -> Iterator[tuple[str, str]]:
    """Yield each invalid field, and what is wrong with it."""
    yield from ((name, "is not a member of a data export.") for name in body.keys() - _MEMBERS)
    name, resource = body.get("name"), str(body.get("resource"))
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME:
        yield "name", f"must have 1 to {_LONGEST_NAME} characters."
    if resource not in FIELDS:
        yield "resource", f"must be one of {', '.join(FIELDS)}."
        return
    if body.get("format") not in _FORMATS[resource]:
        yield "format", f"must be one of {', '.join(_FORMATS[resource])} for {resource}."
    fields = body.get("fields") or []
    if not isinstance(fields, list) or set(fields) - set(FIELDS[resource]):
        yield "fields", f"must be fields of {resource}."
    arguments = body.get("arguments") or {}
    for argument in set(arguments) - _ARGUMENTS if isinstance(arguments, dict) else {"must be an object"}:
        yield "arguments", f"{argument} is not an argument of a data export."
    yield from _wrong_dates(body.get("dateRange"), resource, now)


def _wrong_dates(dates: object, resource: str, now: datetime) -> Iterator[tuple[str, str]]:
    if dates is None:
        return
    if not isinstance(dates, dict):
        yield "dateRange", "must be an object."
        return
    for side in ("start", "end"):
        if moment(dates.get(side), now) is None:
            yield f"dateRange.{side}", "is not a date."
    if FIELDS[resource].get(dates.get("field", _window(resource))) != "timestamp":
        yield "dateRange.field", f"must be a time of {resource}."


def read(body: Body, now: datetime, *, inclusive_end: bool) -> Draft:
    """Return what a valid body asks for.

    Args:
        body: A valid body.
        now: The vendor's time, for relative dates.
        inclusive_end: Whether the window includes its end.
    """
    resource = str(body["resource"])
    dates, fields = body.get("dateRange"), body.get("fields")
    columns = tuple(fields) if fields and isinstance(fields, list) else tuple(FIELDS[resource])
    if not isinstance(dates, dict):
        return Draft(resource, columns, body)
    end = moment(dates["end"], now)
    if end and inclusive_end:
        end += timedelta(milliseconds=1)  # the precision of the records' times
    window = str(dates.get("field", _window(resource)))
    return Draft(resource, columns, body, moment(dates["start"], now), end, window)


def foreign_body(rng: Random, now: datetime) -> Body:
    """Return a request of others: any resource and format, some with relative dates, some repeated daily."""
    resource = rng.choice([*FIELDS])
    ranges = [
        {"start": "first day of last month midnight", "end": "first day of this month midnight"},
        {"start": "yesterday", "end": "now", "field": "createdTime"},
        {"start": f"{now:%Y-%m}-01T00:00:00Z", "end": f"{now:%Y-%m-%d}T00:00:00+02:00"},
    ]
    body = {
        "name": rng.choice(_NAMES),
        "resource": resource,
        "format": rng.choice(_FORMATS[resource]),
        "arguments": rng.choice([None, {"filter": "type:sale;result:approved", "sort": ["-createdTime"]}]),
        "fields": rng.choice([[], ["id", "createdTime"]]),
    }
    if rng.random() < _P_RECURRING:
        body["recurring"] = {"instruction": "RRULE:FREQ=DAILY", "start": f"{now:%Y-%m-%d}T05:00:00Z"}
    return {**body, "dateRange": rng.choice([None, *ranges])}


def _window(resource: str) -> str:
    return _WINDOWS.get(resource, "createdTime")


def _midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)
