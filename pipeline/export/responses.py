"""Read the JSON, the dates and the numbers of a vendor's responses."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import requests

from pipeline.addresses import shown
from pipeline.errors import TransientError

NEVER = datetime.min.replace(tzinfo=UTC)
"""The time of creation of an export whose vendor does not say it."""

_LARGEST_COUNT = 2**63 - 1
_LAST_YEAR = 9000
"""Later times are refused: adding a month to one could overflow."""


def json_object(response: requests.Response) -> dict[str, Any]:
    """Return the JSON object of a response; raise ``TransientError`` for anything else, such as a proxy's page."""
    value = json_value(response)
    if not isinstance(value, dict):
        raise TransientError(f"{shown(response.url)} did not answer with a JSON object; try again later.")
    return value


def json_value(response: requests.Response) -> Any:
    """Return the JSON of a response; raise ``TransientError`` where it is not JSON."""
    try:
        return response.json()
    except (ValueError, RecursionError) as error:  # also for a number of 5,000 digits, or 100,000 brackets
        raise TransientError(f"{shown(response.url)} did not answer in JSON; try again later.") from error


def json_list(value: object, response: requests.Response) -> list[Any]:
    """Return ``value``, found in a response, if it is a list; raise ``TransientError`` otherwise."""
    if not isinstance(value, list):
        raise TransientError(f"GET {shown(str(response.url))} was answered without a list; try again later.")
    return value


def mapping(value: object) -> Mapping[str, Any]:
    """Return the value if it is an object, otherwise an empty one."""
    return value if isinstance(value, Mapping) else {}


def identified(item: object, vendor: str) -> Mapping[str, Any]:
    """Return an item of a list if it is an object with an id; raise ``TransientError`` otherwise.

    Exports of others may lack anything but the id, and must not hide ours.
    """
    if not isinstance(item, Mapping) or not item.get("id"):
        raise TransientError(f"{vendor} answered with something that is not an export; try again later.")
    return item


def vendor_status(value: object) -> str:
    """Return the vendor's word for a status, or ``no status``."""
    return str(value) if value else "no status"


def timestamp(text: object) -> datetime | None:
    """Return a time such as ``2026-10-01 00:00:00`` or ISO 8601, in UTC by default; None for anything else."""
    try:
        moment = datetime.fromisoformat(str(text))
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (OverflowError, ValueError):  # year 1, in a zone east of UTC, cannot be written in UTC
        return None
    return moment if moment.year <= _LAST_YEAR else None


def created_at(text: object) -> datetime:
    """Return the time of creation, or ``NEVER``."""
    return timestamp(text) or NEVER


def record_count(value: object) -> int | None:
    """Return the value if it is a number of records that fits into 64 bits, otherwise None."""
    return value if type(value) is int and 0 <= value <= _LARGEST_COUNT else None


def total_records(page: Mapping[str, Any]) -> int:
    """Return how many resources the list has, from the ``meta`` of a page; 0 where it does not say."""
    try:
        return int((page.get("meta") or {}).get("total_records") or 0)
    except (ArithmeticError, AttributeError, TypeError, ValueError) as error:
        raise TransientError("The vendor does not say how many exports it lists; try again later.") from error


def clock_skew(date: str | None) -> timedelta | None:
    """Return how far the clock of a ``Date`` header is ahead of ours; None where the header cannot be read."""
    try:
        return parsedate_to_datetime(date or "") - datetime.now(UTC)
    except (TypeError, ValueError):
        return None
