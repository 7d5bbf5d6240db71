"""One way to speak HTTP to a vendor: timeouts always, GETs repeated, a POST never, errors told in a sentence."""

from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from pipeline.errors import GoneError, PermanentError, TransientError
from pipeline.export.pace import Pace, PacedAdapter

TIMEOUT = (10, 60)
"""Seconds to connect, and between two bytes."""

_LONGEST_WAIT_SECONDS = 120
"""What the vendor may make one GET wait for; longer, and the run is tried again later."""

_REPEATABLE = frozenset({408, 425, 429, 500, 502, 503, 504})


def session(patience: float = 1.0, repeats: int = 4, pace: Pace | None = None) -> requests.Session:
    """A session that repeats GETs with back-off, jitter and ``Retry-After``; ``patience`` scales the waiting.

    With a ``pace`` it sends no faster than that.

    What must not be repeated needs a session with no ``repeats``: urllib3 takes some TLS errors after a request was
    sent for errors before it, and would then repeat any method.
    """
    retry = Retry(
        total=repeats,
        backoff_factor=patience,
        backoff_jitter=patience,
        status_forcelist=_REPEATABLE,
        allowed_methods={"GET"},
        raise_on_status=False,
        retry_after_max=_LONGEST_WAIT_SECONDS,
    )
    made = requests.Session()
    for scheme in ("https://", "http://"):
        made.mount(scheme, PacedAdapter(pace, max_retries=retry) if pace else HTTPAdapter(max_retries=retry))
    return made


def call(http: requests.Session, method: str, url: str, **arguments: Any) -> requests.Response:
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
        raise _refusal(what, response)


def _refusal(what: str, response: requests.Response) -> Exception:
    status = response.status_code
    if status in _REPEATABLE or status == requests.codes.requested_range_not_satisfiable:
        return TransientError(f"{what} was answered with HTTP {status}; try again later.")
    if status in {requests.codes.unauthorized, requests.codes.forbidden}:
        return PermanentError(
            f"{what} was refused (HTTP {status}): the vendor does not accept the API key; check DIDWW_API_KEY "
            "and the addresses that it is allowed from."
        )
    family = GoneError if status in {requests.codes.not_found, requests.codes.gone} else PermanentError
    return family(f"{what} was refused (HTTP {status}): {_details(response)}.")


def _details(response: requests.Response) -> str:
    """What a JSON:API body says is wrong; nothing else of a body is repeated, it could hold anything."""
    try:
        return "; ".join(str(item["detail"]) for item in response.json()["errors"])[:300].rstrip(".")
    except (requests.RequestException, KeyError, TypeError):
        return "the answer gives no reason that can be read"


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
