"""One way to speak HTTP to a vendor: timeouts always, GETs repeated, a POST never, errors told in a sentence.

What lets us in is added to the request as it will be sent, by its own address: what is judged is what is asked.
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
from pipeline.export.bounded import Bounded
from pipeline.export.rate_limiter import RateLimitedAdapter, RateLimiter
from pipeline.export.refusals import REPEATABLE, UNANSWERED, moved, refusal, unanswered
from pipeline.export.response_policy import DEFAULT, ResponsePolicy
from pipeline.export.way import Way, way_of

TIMEOUT = (10, 60)
"""Seconds to connect, and between two bytes."""

_LONGEST_WAIT_SECONDS = 120
"""What the vendor may make one GET wait for; longer, and the run is tried again later."""

_LONGEST_EPOCH = 12
"""Digits of the seconds of the epoch: more are no instant."""

Headers = Mapping[str, str]
AuthHeaders = Callable[[str], Headers]
"""Makes the headers that let us in at the address that a request is about to be sent to."""


class _Backoff(Retry):
    """Back-off that also understands a header with the instant at which to come again."""

    reset_header = ""

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        """Seconds to wait, as the answer says; None where it says nothing."""
        # the header may come with every answer, and say nothing about those that have another cause
        limited = self.reset_header and response.status == requests.codes.too_many_requests
        until = response.headers.get(self.reset_header) if limited else None
        if until is None or not until.strip().isdecimal() or len(until) > _LONGEST_EPOCH:
            return self._as_usual(response)
        return min(max(0.0, int(until) - time.time()), self.retry_after_max)

    def _as_usual(self, response: BaseHTTPResponse) -> float | None:
        try:
            return super().get_retry_after(response)
        except InvalidHeader:  # what cannot be read says nothing
            return None

    def new(self, **changes: Any) -> "_Backoff":
        """The next attempt's."""
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
    """A session that repeats GETs with back-off, jitter and ``Retry-After``; ``backoff`` scales the waiting.

    ``repeatable`` names the methods instead where others do no harm. With a ``limiter`` it sends no faster than that.

    What must not be repeated needs a session with no ``repeats``: urllib3 takes some TLS errors after a request was
    sent for errors before it, and would then repeat any method.
    """
    retry = _Backoff(
        total=repeats,
        backoff_factor=backoff,
        backoff_jitter=backoff,
        status_forcelist=REPEATABLE,
        allowed_methods=repeatable,
        raise_on_status=False,
        retry_after_max=_LONGEST_WAIT_SECONDS,
    )
    retry.reset_header = policy.reset_header
    made = requests.Session()
    made.auth = lambda request: request  # else requests puts what ~/.netrc says in the place of the key
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
    """Send one request without following redirects; raise unless it was answered with 2xx.

    A redirect is handed back where ``redirects`` are expected. The error says what was tried on what, as it was sent,
    and its family says whether asking again could help.
    """
    request = prepared(http, method, url, f"correct {policy.url_to_correct}")
    address = str(request.url)
    request.headers.update({**(headers or {}), **auth_headers(address)})
    request.prepare_body(data, None)
    way = way_of(http, address)
    what = f"{method} {shown(address)}{way.told}"
    response = _sent(http, request, way, policy, what, stream=stream)
    if response.ok and (response.status_code < requests.codes.multiple_choices or (redirects and response.is_redirect)):
        return response
    with response:
        raise (moved(what, response, policy) if response.ok else refusal(what, response, policy, way))


def prepared(http: requests.Session, method: str, url: str, todo: str) -> requests.PreparedRequest:
    """The request as it will be sent; raises ``PermanentError`` for an address that could be read in two ways."""
    try:
        request = http.prepare_request(requests.Request(method, url)) if is_plain(url) else None
    except UNANSWERED:
        request = None
    if request is None or not same_origin(str(request.url), url):
        raise PermanentError(f"{method} of an address that is none, or is read in two ways, was not sent; {todo}.")
    return request


def _sent(
    http: requests.Session,
    request: requests.PreparedRequest,
    way: Way,
    policy: ResponsePolicy,
    what: str,
    *,
    stream: bool,
) -> requests.Response:
    # by the adapter, as the session would look for the next request in a redirect, and keep cookies
    try:
        adapter = http.get_adapter(str(request.url))
        response = adapter.send(request, stream=True, timeout=TIMEOUT, verify=way.verify, proxies=dict(way.proxies))
        if not (stream and response.ok):
            response.raw = Bounded(response.raw, what)
        if not stream:
            with response:
                response.content  # noqa: B018 - reads it
    except UNANSWERED as error:
        raise unanswered(what, error, policy, way) from error
    return response
