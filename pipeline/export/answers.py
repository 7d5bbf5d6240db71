"""Read what a vendor answers, or say that it could not be read."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import requests

from pipeline.addresses import shown
from pipeline.errors import TransientError

_COUNTABLE = 2**63
_LAST_YEAR = 9000
"""Later is no time: a window that ends there could not be reckoned with."""


def document(response: requests.Response) -> dict[str, Any]:
    """The JSON object of an answer; anything else, such as a proxy's page, is passing trouble."""
    answer = content(response)
    if not isinstance(answer, dict):
        raise TransientError(f"{shown(response.url)} did not answer with an object; try again later.")
    return answer


def content(response: requests.Response) -> Any:
    """The JSON of an answer, whatever it is."""
    try:
        return response.json()
    except (ValueError, RecursionError) as error:  # also for a number of 5,000 digits, or 100,000 brackets
        raise TransientError(f"{shown(response.url)} did not answer in JSON; try again later.") from error


def mapping(value: object) -> Mapping[str, Any]:
    """The value if it is an object, otherwise an empty one."""
    return value if isinstance(value, Mapping) else {}


def said(value: object) -> str:
    """The vendor's word for a status, as it is shown: also where it says none."""
    return str(value) if value else "no status"


def instant(text: object) -> datetime | None:
    """Read a vendor's time, ``2026-10-01 00:00:00`` or ISO 8601, UTC where it names no zone; anything else is none."""
    try:
        moment = datetime.fromisoformat(str(text))
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (OverflowError, ValueError):  # the year 1 has no instant in UTC for zones east of it
        return None
    return moment if moment.year <= _LAST_YEAR else None


def count(value: object) -> int | None:
    """The value if it is a number of records that a table can hold; anything else is none."""
    return value if type(value) is int and 0 <= value < _COUNTABLE else None


def total(page: Mapping[str, Any]) -> int:
    """How many resources the whole list has, as its page says; 0 where it says nothing."""
    try:
        return int((page.get("meta") or {}).get("total_records") or 0)
    except (ArithmeticError, AttributeError, TypeError, ValueError) as error:
        raise TransientError("The vendor does not say how many exports it lists; try again later.") from error


def skew(date: str | None) -> timedelta | None:
    """By how much the clock of a ``Date`` header is ahead of ours."""
    try:
        return parsedate_to_datetime(date or "") - datetime.now(UTC)
    except (TypeError, ValueError):
        return None
