"""One way to speak HTTP to a vendor: timeouts always, GETs repeated, a POST never, errors told in a sentence."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse, Retry

from pipeline.errors import BusyError, GoneError, PermanentError, TransientError
from pipeline.export.pace import Pace, PacedAdapter

TIMEOUT = (10, 60)
"""Seconds to connect, and between two bytes."""

_LONGEST_WAIT_SECONDS = 120
"""What the vendor may make one GET wait for; longer, and the run is tried again later."""

_REPEATABLE = frozenset({408, 425, 429, 500, 502, 503, 504})


def _json_api(body: Any) -> str:
    return "; ".join(str(item["detail"]) for item in body["errors"])


@dataclass(frozen=True)
class Manners:
    """What a vendor's answers mean where they are not those of everybody.

    ``setting`` names the setting of its key, and is empty where no key is shown. ``reason`` finds in the JSON of a
    refusal what is wrong, and may raise where it does not; nothing else of a body is repeated, it could hold anything.
    ``busy`` tells a refusal that only says that there is enough to do for now. ``resets`` is the header that names the
    instant, in seconds of the epoch, from which a vendor that was asked too often listens again.
    """

    setting: str = "DIDWW_API_KEY"
    reason: Callable[[Any], str] = _json_api
    busy: Callable[[Any], bool] = lambda body: False
    resets: str = ""


PLAIN = Manners()


class UnauthorizedError(PermanentError):
    """What should let us in was refused, and nothing was done; ``bare`` where the answer says not a word more."""

    def __init__(self, message: str, *, bare: bool) -> None:
        super().__init__(message)
        self.bare = bare


UNKEYED = Manners(setting="")
"""For an address that lets in whoever knows it, for a time."""

_Found = TypeVar("_Found")


class _Patience(Retry):
    """Back-off that also understands a header with the instant at which to come again."""

    resets = ""

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        """Seconds to wait, as the answer says; None where it says nothing."""
        # the header may come with every answer, and say nothing about those that have another cause
        limited = self.resets and response.status == requests.codes.too_many_requests
        until = response.headers.get(self.resets) if limited else None
        if until is None or not until.strip().isdecimal():
            return super().get_retry_after(response)
        return min(max(0.0, int(until) - time.time()), self.retry_after_max)

    def new(self, **changes: Any) -> "_Patience":
        """The next attempt's."""
        after = super().new(**changes)
        after.resets = self.resets
        return after


def session(
    patience: float = 1.0,
    repeats: int = 4,
    pace: Pace | None = None,
    manners: Manners = PLAIN,
    repeatable: Collection[str] = frozenset({"GET"}),
) -> requests.Session:
    """A session that repeats GETs with back-off, jitter and ``Retry-After``; ``patience`` scales the waiting.

    ``repeatable`` names the methods instead where others do no harm. With a ``pace`` it sends no faster than that.

    What must not be repeated needs a session with no ``repeats``: urllib3 takes some TLS errors after a request was
    sent for errors before it, and would then repeat any method.
    """
    retry = _Patience(
        total=repeats,
        backoff_factor=patience,
        backoff_jitter=patience,
        status_forcelist=_REPEATABLE,
        allowed_methods=repeatable,
        raise_on_status=False,
        retry_after_max=_LONGEST_WAIT_SECONDS,
    )
    retry.resets = manners.resets
    made = requests.Session()
    made.auth = lambda request: request  # else requests puts what ~/.netrc says in the place of the key
    for scheme in ("https://", "http://"):
        made.mount(scheme, PacedAdapter(pace, max_retries=retry) if pace else HTTPAdapter(max_retries=retry))
    return made


def call(
    http: requests.Session, method: str, url: str, manners: Manners = PLAIN, **arguments: Any
) -> requests.Response:
    """Send one request without following redirects; raise unless it was answered with 2xx or a redirect.

    The error says what was tried on what, and its family says whether asking again could help.
    """
    what = f"{method} {shown(url)}"
    try:
        response = http.request(method, url, timeout=TIMEOUT, allow_redirects=False, **arguments)
    except requests.RequestException as error:
        raise TransientError(f"{what} was not answered ({type(error).__name__}); try again later.") from error
    if response.status_code < requests.codes.bad_request:
        return response
    with response:
        raise _refusal(what, response, manners)


def _refusal(what: str, response: requests.Response, manners: Manners) -> Exception:
    status = response.status_code
    if status in _REPEATABLE or status == requests.codes.requested_range_not_satisfiable:
        return TransientError(f"{what} was answered with HTTP {status}; try again later.")
    if status in {requests.codes.unauthorized, requests.codes.forbidden}:
        if not manners.setting:
            return TransientError(f"{what} was refused (HTTP {status}): the address has run out; try again later.")
        refused = (
            f"{what} was refused (HTTP {status}): the vendor does not accept the API key; check {manners.setting} "
            "and the addresses that it is allowed from."
        )
        if status == requests.codes.unauthorized:
            return UnauthorizedError(refused, bare=_is_empty(response))
        return PermanentError(refused)
    reason = _told(manners.reason, response, "the answer gives no reason that can be read")[:300].rstrip(".")
    if _told(manners.busy, response, default=False):
        return BusyError(f"{what} was put off ({reason}); try again later.")
    family = GoneError if status in {requests.codes.not_found, requests.codes.gone} else PermanentError
    return family(f"{what} was refused (HTTP {status}): {reason}.")


def _is_empty(response: requests.Response) -> bool:
    try:
        return not response.content
    except requests.RequestException:
        return False


def _told(read: Callable[[Any], _Found], response: requests.Response, default: _Found) -> _Found:
    """What a vendor's own reading finds in a refusal, if it is what the vendor sends at all."""
    try:
        found = read(response.json())
    except (requests.RequestException, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return default
    return found


def shown(url: str) -> str:
    """The url without its query and user, which may hold more than a log should."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that is none"
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def same_origin(url: str, base: str) -> bool:
    """Whether both name the same scheme, host and port; what is no address is nobody's."""
    try:
        return _origin(url) == _origin(base)
    except ValueError:
        return False


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
