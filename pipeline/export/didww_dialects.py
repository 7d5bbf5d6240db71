"""What we say differently to the versions of DIDWW's API, as data. Whatever they answer is read in one way."""

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
    """The whole month, of which a running one has come only so far: an end cannot be said."""
    return {"year": str(request.month.year), "month": str(request.month.number)}


def _span(request: Request) -> Filters:
    return {"from": _written(request.start), "to": _written(request.end)}


def _written(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


@dataclass(frozen=True)
class Dialect:
    """What a version, and those after it until the next here, want to be asked.

    ``window`` writes the filters that choose the time. Under ``bearer`` the key itself is refused, a token is not.
    ``post`` is how the method of a callback is spelled.
    """

    since: str
    window: Callable[[Request], Filters]
    reference_length: int = 0
    resources: Collection[str] = CALLS
    bearer: bool = False
    post: str = "post"

    def attributes(self, request: Request) -> dict[str, object]:
        """What is POSTed; the dataset's filters go along as they are."""
        filters = {**request.dataset.filters, **self.window(request)}
        fits = 0 < len(request.reference) <= self.reference_length
        told = {"external_reference_id": request.reference} if fits else {}
        return {"export_type": request.dataset.resource, **told, "filters": filters}

    def callback(self, url: str) -> dict[str, object]:
        """What is POSTed too where a callback is wanted: never one attribute without the other."""
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
    """The dialect of a version, ``2026-04-16``: the newest that is not newer; the oldest for what is no version."""
    dated = version if _DATE.fullmatch(version) else ""
    return next((dialect for dialect in reversed(DIALECTS) if dialect.since <= dated), DIALECTS[0])
