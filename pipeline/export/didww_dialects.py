"""What the versions of DIDWW's API want in a request, as data; their responses are all read in one way."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from pipeline.export.protocol import Request

Filters = Mapping[str, object]

CALLS = ("cdr_in", "cdr_out")
MESSAGES = ("sms_in", "sms_out")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def _month(request: Request) -> Filters:
    """Return the filters for the whole month: these versions know no end, and a running month has what has come."""
    return {"year": str(request.month.year), "month": str(request.month.number)}


def _span(request: Request) -> Filters:
    return {"from": _formatted(request.start), "to": _formatted(request.end)}


def _formatted(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


@dataclass(frozen=True)
class Dialect:
    """What a version of the API wants in a request.

    Args:
        since: The version, which is a date; newer ones without their own dialect use this one.
        window: Makes the filters that choose the time.
        reference_length: How many characters a reference may have; 0 where an export carries none.
        resources: What can be exported.
        bearer: Whether tokens only are accepted, and not the key itself.
        post: How the method of a callback is spelled.
    """

    since: str
    window: Callable[[Request], Filters]
    reference_length: int = 0
    resources: Collection[str] = CALLS
    bearer: bool = False
    post: str = "post"

    def attributes(self, request: Request) -> dict[str, object]:
        """Return the attributes of the export to create; the dataset's filters are sent as they are."""
        filters = {**request.dataset.filters, **self.window(request)}
        fits = 0 < len(request.reference) <= self.reference_length
        reference = {"external_reference_id": request.reference} if fits else {}
        return {"export_type": request.dataset.resource, **reference, "filters": filters}

    def callback(self, url: str) -> dict[str, object]:
        """Return the attributes of a callback: both, or neither without an address."""
        return {"callback_url": url, "callback_method": self.post} if url else {}


DIALECTS = (
    Dialect("2021-12-15", _month, post="POST"),
    Dialect("2022-05-10", _month, post="POST"),
    Dialect("2026-04-16", _span, reference_length=100),
    Dialect("2026-11-19", _span, reference_length=100, resources=(*CALLS, *MESSAGES), bearer=True),
)

WINDOW = frozenset({"from", "to", "year", "month", "day"})
"""The filters that choose the time, in any version."""


def dialect_of(version: str) -> Dialect:
    """Return the newest dialect that is no newer than a version such as ``2026-04-16``; the oldest without a date."""
    dated = version if _DATE.fullmatch(version) else ""
    return next((dialect for dialect in reversed(DIALECTS) if dialect.since <= dated), DIALECTS[0])
