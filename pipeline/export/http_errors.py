"""The error for each failure of a request: its class says whether to try again, its text what to correct."""

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
from pipeline.export.transport import BUNDLES, Transport

RETRYABLE = frozenset({408, 425, 429, 500, 502, 503, 504})
"""The statuses for which a GET is repeated."""

REQUEST_ERRORS = (requests.RequestException, urllib3.exceptions.HTTPError, HTTPException, OSError, ValueError)
"""Everything that sending a request and reading its response may raise."""

_UNSENDABLE = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    urllib3.exceptions.LocationParseError,
    UnicodeError,
)
_TUNNEL = re.compile(r"Tunnel connection failed: (4\d\d)")
_MAYBE_DONE = frozenset({codes.found, codes.see_other})
"""Redirects that may follow a POST that was carried out."""

_LONGEST_REASON = 300
_CHECK_PROXY = "check HTTPS_PROXY, HTTP_PROXY and NO_PROXY"

_Found = TypeVar("_Found")


class UnauthorizedError(PermanentError):
    """The credentials were refused with 401, and nothing was done; ``empty`` where the response has no body."""

    def __init__(self, message: str, *, empty: bool) -> None:
        super().__init__(message)
        self.empty = empty


def request_error(what: str, error: Exception, policy: ResponsePolicy, transport: Transport) -> Exception:
    """Return the error for a request that brought no response.

    Args:
        what: The method and the address.
        error: What was raised instead.
        policy: Names the settings to correct.
        transport: How the request was sent.
    """
    kind = type(error).__name__
    if tunnel := _TUNNEL.search(str(error)) if transport.proxy else None:
        return PermanentError(f"{what} was stopped by the proxy (HTTP {tunnel[1]}); {_CHECK_PROXY}.")
    if isinstance(error, _UNSENDABLE):
        todo = _CHECK_PROXY if transport.proxy else f"check {policy.url_to_correct}"
        return PermanentError(f"{what} cannot be sent ({kind}); {todo}.")
    if isinstance(error, OSError) and not isinstance(error, requests.RequestException):  # requests found no such file
        return PermanentError(f"{what} was not sent: {BUNDLES} names a missing file, {transport.verify}; correct it.")
    if isinstance(error, requests.exceptions.SSLError):
        trusted = f"{BUNDLES}, which names {transport.verify}," if isinstance(transport.verify, str) else "the clock"
        return TransientError(f"{what} was not answered ({kind}); try again later, and check {trusted} if it stays so.")
    return TransientError(f"{what} was not answered ({kind}); try again later.")


def redirect_error(what: str, response: requests.Response, policy: ResponsePolicy) -> Exception:
    """Return the error for a 3xx response where redirects are not followed.

    Args:
        what: The method and the address.
        response: The response.
        policy: Names the setting of the address.
    """
    status = response.status_code
    if not response.is_redirect:
        return TransientError(f"{what} was answered with HTTP {status}; try again later.")
    url = redirect_target(response)
    to = f" to {shown(url)}" if is_plain(url) else ""
    if response.request.method == "POST" and status in _MAYBE_DONE:
        return TransientError(
            f"{what} was redirected (HTTP {status}){to}, so it is not known what became of it; "
            f"correct {policy.url_to_correct} and try again later."
        )
    return PermanentError(
        f"{what} was redirected (HTTP {status}){to}, where the key must not go: the address has moved; "
        f"correct {policy.url_to_correct}."
    )


def redirect_target(response: requests.Response) -> str:
    """Return the whole address that a redirect leads to; empty where it is not valid."""
    location = response.headers["Location"].encode("latin-1", "replace").decode("utf-8", "replace")
    return joined(str(response.url), location)


def response_error(what: str, response: requests.Response, policy: ResponsePolicy, transport: Transport) -> Exception:
    """Return the error for a response of 400 or more.

    Args:
        what: The method and the address.
        response: The response.
        policy: How to read it, and the setting of the key.
        transport: How the request was sent.
    """
    status = response.status_code
    if status in RETRYABLE or status == codes.requested_range_not_satisfiable:
        return TransientError(f"{what} was answered with HTTP {status}; try again later.")
    if status == codes.proxy_authentication_required:
        return PermanentError(f"{what} was refused by the proxy (HTTP {status}); {_CHECK_PROXY}.")
    if status in {codes.unauthorized, codes.forbidden}:
        return _auth_error(what, response, policy, transport)
    reason = _read(policy.reason, response, "the answer gives no reason that can be read")[:_LONGEST_REASON].rstrip(".")
    if _read(policy.is_busy, response, default=False):
        return BusyError(f"{what} was put off ({reason}); try again later.")
    family = GoneError if status in {codes.not_found, codes.gone} else PermanentError
    return family(f"{what} was refused (HTTP {status}): {reason}.")


def _auth_error(what: str, response: requests.Response, policy: ResponsePolicy, transport: Transport) -> Exception:
    status = response.status_code
    if not policy.key_setting:
        return TransientError(f"{what} was refused (HTTP {status}): the address has expired; try again later.")
    plain_proxy = bool(transport.proxy) and str(response.url).startswith("http:")  # which may have answered itself
    who, also = ("the vendor or the proxy", f", and {_CHECK_PROXY}") if plain_proxy else ("the vendor", "")
    text = (
        f"{what} was refused (HTTP {status}): {who} does not accept the API key; check {policy.key_setting} "
        f"and the addresses that it is allowed from{also}."
    )
    return UnauthorizedError(text, empty=_is_empty(response)) if status == codes.unauthorized else PermanentError(text)


def _is_empty(response: requests.Response) -> bool:
    try:
        return not response.content
    except REQUEST_ERRORS:
        return False


def _read(read: Callable[[Any], _Found], response: requests.Response, default: _Found) -> _Found:
    """Return what ``read`` finds in the JSON of a response; the default if the JSON is not what the vendor sends."""
    try:
        return read(response.json())
    except (*REQUEST_ERRORS, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError):
        return default
