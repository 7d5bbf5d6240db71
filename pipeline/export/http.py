"""Send one HTTP request: always with timeouts, a GET repeated and a POST never, every failure one of our errors.

The headers with credentials are made for the address as it will be sent: the address that is checked is the one that is
used.
"""

import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse, Retry
from urllib3.exceptions import InvalidHeader

from pipeline.addresses import is_plain, same_origin, shown
from pipeline.errors import PermanentError
from pipeline.export.bounded import BoundedBody
from pipeline.export.http_errors import REQUEST_ERRORS, RETRYABLE, redirect_error, request_error, response_error
from pipeline.export.rate_limiter import RateLimitedAdapter, RateLimiter
from pipeline.export.response_policy import DEFAULT, ResponsePolicy
from pipeline.export.transport import Transport, transport_of

TIMEOUT = (10, 60)
"""Seconds to connect, and between two bytes."""

_LONGEST_WAIT_SECONDS = 120
"""The longest wait between two attempts, whatever the vendor asks for."""

_LONGEST_EPOCH = 12
"""Digits of the seconds since the epoch; a longer number is no time."""

Headers = Mapping[str, str]
AuthHeaders = Callable[[str], Headers]
"""Makes the headers with credentials for the address that a request is about to be sent to."""


class _Backoff(Retry):
    """Backoff that also reads a header with the time at which the limit ends."""

    reset_header = ""

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        """Return the seconds to wait, as the response says; None where it says nothing."""
        # the header may come with every response, and says nothing about those that have another cause
        limited = self.reset_header and response.status == requests.codes.too_many_requests
        until = response.headers.get(self.reset_header) if limited else None
        if until is None or not until.strip().isdecimal() or len(until) > _LONGEST_EPOCH:
            return self._retry_after_header(response)
        return min(max(0.0, int(until) - time.time()), self.retry_after_max)

    def _retry_after_header(self, response: BaseHTTPResponse) -> float | None:
        try:
            return super().get_retry_after(response)
        except InvalidHeader:
            return None

    def new(self, **changes: Any) -> "_Backoff":
        """Return the state after one more attempt."""
        after = super().new(**changes)
        after.reset_header = self.reset_header
        return after


def session(
    backoff: float = 1.0,
    repeats: int = 4,
    limiter: RateLimiter | None = None,
    policy: ResponsePolicy = DEFAULT,
    repeatable: Collection[str] = frozenset({"GET"}),
) -> requests.Session:
    """Return a session that repeats requests with backoff, jitter and ``Retry-After``.

    What must not be repeated needs a session without ``repeats``: urllib3 takes some TLS errors after a request was
    sent for errors before it, and would then repeat any method.

    Args:
        backoff: The factor of the waits, in seconds; 0 for no waits.
        repeats: How often a request is repeated.
        limiter: Limits the rate of the requests; None for no limit.
        policy: How to read the vendor's error responses.
        repeatable: The methods that are repeated.
    """
    retry = _Backoff(
        total=repeats,
        backoff_factor=backoff,
        backoff_jitter=backoff,
        status_forcelist=RETRYABLE,
        allowed_methods=repeatable,
        raise_on_status=False,
        retry_after_max=_LONGEST_WAIT_SECONDS,
    )
    retry.reset_header = policy.reset_header
    made = requests.Session()
    made.auth = lambda request: request  # else requests replaces the key by what ~/.netrc has for the host
    for scheme in ("https://", "http://"):
        made.mount(
            scheme, RateLimitedAdapter(limiter, max_retries=retry) if limiter else HTTPAdapter(max_retries=retry)
        )
    return made


def call(
    http: requests.Session,
    method: str,
    url: str,
    policy: ResponsePolicy = DEFAULT,
    *,
    auth_headers: AuthHeaders = lambda url: {},
    headers: Headers | None = None,
    data: str | None = None,
    stream: bool = False,
    redirects: bool = False,
) -> requests.Response:
    """Send one request and return its response; raise unless the status is 2xx.

    The error names the method and the address, and its class says whether to try again. Redirects are not followed.

    Args:
        http: The session to send with.
        method: The HTTP method.
        url: The whole address.
        policy: How to read the vendor's error responses.
        auth_headers: Makes the headers with credentials for the address.
        headers: Other headers.
        data: The body.
        stream: Whether to leave the body of a good response unread.
        redirects: Whether to return a redirect, too.
    """
    request = prepared(http, method, url, f"correct {policy.url_to_correct}")
    address = str(request.url)
    request.headers.update({**(headers or {}), **auth_headers(address)})
    request.prepare_body(data, None)
    transport = transport_of(http, address)
    what = f"{method} {shown(address)}{transport.described}"
    response = _sent(http, request, transport, policy, what, stream=stream)
    if response.ok and (response.status_code < requests.codes.multiple_choices or (redirects and response.is_redirect)):
        return response
    with response:
        if response.ok:
            raise redirect_error(what, response, policy)
        raise response_error(what, response, policy, transport)


def prepared(http: requests.Session, method: str, url: str, todo: str) -> requests.PreparedRequest:
    """Return the request as it will be sent.

    Raises ``PermanentError``, which ends with what is ``todo``, for an address that two parsers could read differently.

    Args:
        http: The session.
        method: The HTTP method.
        url: The whole address.
        todo: What to do about such an address, for the error.
    """
    try:
        request = http.prepare_request(requests.Request(method, url)) if is_plain(url) else None
    except REQUEST_ERRORS:
        request = None
    if request is None or not same_origin(str(request.url), url):
        raise PermanentError(f"{method} was not sent, because its address is not valid or is ambiguous; {todo}.")
    return request


def _sent(
    http: requests.Session,
    request: requests.PreparedRequest,
    transport: Transport,
    policy: ResponsePolicy,
    what: str,
    *,
    stream: bool,
) -> requests.Response:
    # by the adapter, because the session would prepare the next request of a redirect, and keep cookies
    verify, proxies = transport.verify, dict(transport.proxies)
    try:
        adapter = http.get_adapter(str(request.url))
        response = adapter.send(request, stream=True, timeout=TIMEOUT, verify=verify, proxies=proxies)
        if not (stream and response.ok):
            response.raw = BoundedBody(response.raw, what)
        if not stream:
            with response:
                response.content  # noqa: B018 - reads it
    except REQUEST_ERRORS as error:
        raise request_error(what, error, policy, transport) from error
    return response
