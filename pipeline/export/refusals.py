"""What an answer that is none of what was asked for means: whether asking again helps, and what to do otherwise."""

import re
from collections.abc import Callable
from http.client import HTTPException
from typing import Any, TypeVar

import requests
import urllib3
from requests import codes

from pipeline.addresses import is_plain, joined, shown
from pipeline.errors import BusyError, GoneError, PermanentError, TransientError
from pipeline.export.response_policy import ResponsePolicy
from pipeline.export.way import BUNDLES, Way

REPEATABLE = frozenset({408, 425, 429, 500, 502, 503, 504})

UNANSWERED = (requests.RequestException, urllib3.exceptions.HTTPError, HTTPException, OSError, ValueError)
"""Everything that sending a request and reading its answer may raise."""

_UNSENDABLE = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    urllib3.exceptions.LocationParseError,
    UnicodeError,
)
_TUNNEL = re.compile(r"Tunnel connection failed: (4\d\d)")
_HEARD_PERHAPS = frozenset({codes.found, codes.see_other})
"""Redirects that may follow a POST that was carried out."""

_Found = TypeVar("_Found")


class UnauthorizedError(PermanentError):
    """What should let us in was refused, and nothing was done; ``bare`` where the answer says not a word more."""

    def __init__(self, message: str, *, empty: bool) -> None:
        super().__init__(message)
        self.empty = empty


def unanswered(what: str, error: Exception, policy: ResponsePolicy, way: Way) -> Exception:
    """The error for a request that brought no answer."""
    kind = type(error).__name__
    if tunnel := _TUNNEL.search(str(error)) if way.proxy else None:
        return PermanentError(f"{what} did not get there: the proxy answered with HTTP {tunnel[1]}; {_check_proxy()}.")
    if isinstance(error, _UNSENDABLE):
        todo = _check_proxy() if way.proxy else f"check {policy.url_to_correct}"
        return PermanentError(f"{what} cannot be sent ({kind}); {todo}.")
    if isinstance(error, OSError) and not isinstance(error, requests.RequestException):  # the one that is no answer
        return PermanentError(f"{what} was not sent: {BUNDLES} names {way.verify}, which is not there; correct it.")
    if isinstance(error, requests.exceptions.SSLError):
        trusted = f"{BUNDLES}, which names {way.verify}," if isinstance(way.verify, str) else "the clock"
        return TransientError(f"{what} was not answered ({kind}); try again later, and check {trusted} if it stays so.")
    return TransientError(f"{what} was not answered ({kind}); try again later.")


def moved(what: str, response: requests.Response, policy: ResponsePolicy) -> Exception:
    """The error for an answer that leads elsewhere, or nowhere, where nothing is followed."""
    status = response.status_code
    if not response.is_redirect:
        return TransientError(f"{what} was answered with HTTP {status}; try again later.")
    place = target(response)
    to = f" to {shown(place)}" if is_plain(place) else ""
    if response.request.method == "POST" and status in _HEARD_PERHAPS:
        return TransientError(
            f"{what} was redirected (HTTP {status}){to}, so it is not known what became of it; "
            f"correct {policy.url_to_correct} and try again later."
        )
    return PermanentError(
        f"{what} was redirected (HTTP {status}){to}, where the key must not go: the address has moved; "
        f"correct {policy.url_to_correct}."
    )


def target(response: requests.Response) -> str:
    """Where a redirect leads: the whole address, empty where it is none."""
    said = response.headers["Location"].encode("latin-1", "replace").decode("utf-8", "replace")
    return joined(str(response.url), said)


def refusal(what: str, response: requests.Response, policy: ResponsePolicy, way: Way) -> Exception:
    """The error for an answer of 400 or more."""
    status = response.status_code
    if status in REPEATABLE or status == codes.requested_range_not_satisfiable:
        return TransientError(f"{what} was answered with HTTP {status}; try again later.")
    if status == codes.proxy_authentication_required:
        return PermanentError(f"{what} was refused by the proxy (HTTP {status}); {_check_proxy()}.")
    if status in {codes.unauthorized, codes.forbidden}:
        return _not_let_in(what, response, policy, way)
    reason = _told(policy.reason, response, "the answer gives no reason that can be read")[:300].rstrip(".")
    if _told(policy.is_busy, response, default=False):
        return BusyError(f"{what} was put off ({reason}); try again later.")
    family = GoneError if status in {codes.not_found, codes.gone} else PermanentError
    return family(f"{what} was refused (HTTP {status}): {reason}.")


def _not_let_in(what: str, response: requests.Response, policy: ResponsePolicy, way: Way) -> Exception:
    status = response.status_code
    if not policy.key_setting:
        return TransientError(f"{what} was refused (HTTP {status}): the address has run out; try again later.")
    seen = bool(way.proxy) and str(response.url).startswith("http:")
    who, also = ("the vendor or the proxy", f", and {_check_proxy()}") if seen else ("the vendor", "")
    refused = (
        f"{what} was refused (HTTP {status}): {who} does not accept the API key; check {policy.key_setting} "
        f"and the addresses that it is allowed from{also}."
    )
    if status == codes.unauthorized:
        return UnauthorizedError(refused, empty=_is_empty(response))
    return PermanentError(refused)


def _check_proxy() -> str:
    return "check HTTPS_PROXY, HTTP_PROXY and NO_PROXY"


def _is_empty(response: requests.Response) -> bool:
    try:
        return not response.content
    except UNANSWERED:
        return False


def _told(read: Callable[[Any], _Found], response: requests.Response, default: _Found) -> _Found:
    """What a vendor's own reading finds in a refusal, if it is what the vendor sends at all."""
    try:
        found = read(response.json())
    except (*UNANSWERED, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError):
        return default
    return found
