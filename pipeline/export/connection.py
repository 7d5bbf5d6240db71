"""HTTP to one vendor: the key goes to the vendor's own origin only, a GET is repeated, a POST never."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TypeVar

import requests

from pipeline.addresses import is_plain, joined, same_origin, shown
from pipeline.errors import PermanentError, TransientError
from pipeline.export import http
from pipeline.export.http import Headers
from pipeline.export.http_errors import redirect_target
from pipeline.export.protocol import Credentials
from pipeline.export.rate_limiter import RateLimiter
from pipeline.export.response_policy import DEFAULT, PRESIGNED, ResponsePolicy
from pipeline.export.responses import clock_skew

_MAX_REDIRECTS = 5
_MAX_PAGES = 10_000

_Page = TypeVar("_Page")


class Connection:
    """A connection to one vendor, whose paths are relative to ``credentials.url``.

    Args:
        credentials: The address and the key.
        auth_headers: Makes the headers with credentials of the key, which is checked before.
        headers: Other headers of every request for JSON.
        policy: How to read the vendor's error responses.
        backoff: The factor of the waits between repeated requests, in seconds.
        limiter: Limits the rate of the requests; None for no limit.
    """

    def __init__(
        self,
        credentials: Credentials,
        auth_headers: Callable[[str], Headers],
        *,
        headers: Headers | None = None,
        policy: ResponsePolicy = DEFAULT,
        backoff: float = 1.0,
        limiter: RateLimiter | None = None,
    ) -> None:
        self.base = credentials.url.rstrip("/")
        self._credentials = credentials
        self._auth_headers = auth_headers
        self._headers = {"Accept": "application/json", **(headers or {})}
        self._policy = policy
        self._repeating = http.session(backoff, limiter=limiter, policy=policy)
        self._once = http.session(repeats=0, limiter=limiter, policy=policy)
        self.skew: timedelta | None = None
        """How far the vendor's clock was ahead of ours at its last response."""

    def post(self, path: str, body: object, headers: Headers | None = None) -> requests.Response:
        """POST JSON once and return the response.

        Args:
            path: The path, relative to the API.
            body: What is sent as JSON.
            headers: Headers besides those of the connection.
        """
        headers = {**self._headers, "Content-Type": "application/json", **(headers or {})}
        data = json.dumps(body)
        response = http.call(
            self._once, "POST", self.url(path), self._policy, auth_headers=self._own, headers=headers, data=data
        )
        return self._timed(response)

    def get(self, path: str) -> requests.Response:
        """GET JSON and return the response; raise ``PermanentError`` for an address of another origin."""
        url = self.url(path)
        if not self.owns(url):
            raise PermanentError(f"{shown(url)} is another host, where the key must not go; tell the vendor.")
        response = http.call(self._repeating, "GET", url, self._policy, auth_headers=self._own, headers=self._headers)
        return self._timed(response)

    def pages(self, first: str, read: Callable[[requests.Response], tuple[_Page, str | None]]) -> Iterator[_Page]:
        """Yield every page of a list, each once; ``read`` returns a page and the address of the next one."""
        path: str | None = first
        seen: set[str] = set()
        while path:
            url = self.url(path)
            if url in seen or len(seen) >= _MAX_PAGES:
                raise TransientError(f"GET {shown(url)} names a next page that was read already; try again later.")
            seen.add(url)
            page, path = read(self.get(url))
            yield page

    def open(self, url: str, offset: int = 0, etag: str = "", *, signed: bool = False) -> requests.Response:
        """Start to stream a file, and return the response.

        Redirects are followed here, so that the key goes to the vendor's own origin only.

        Args:
            url: The address of the file.
            offset: The first byte that is wanted.
            etag: The ETag that the file must still have to be resumed at ``offset``.
            signed: Whether the address holds its own signature, so that no key is sent.
        """
        span = {"Range": f"bytes={offset}-", "If-Range": etag} if offset and etag else {}
        headers = {"Accept": "*/*", "Accept-Encoding": "identity", **span}
        for _ in range(_MAX_REDIRECTS):
            response = self._streamed(self.url(url), headers, signed=signed)
            if not response.is_redirect:
                return response
            url = redirect_target(response)
            response.close()
        raise PermanentError(f"GET {shown(url)} redirects without end; tell the vendor's support.")

    def _streamed(self, url: str, headers: Headers, *, signed: bool) -> requests.Response:
        keyed = not signed and self.owns(url)
        response = http.call(
            self._repeating,
            "GET",
            url,
            self._policy if keyed else PRESIGNED,
            auth_headers=(lambda address: {}) if signed else self._own,
            headers=headers,
            stream=True,
            redirects=True,
        )
        return self._timed(response)

    def url(self, path: str) -> str:
        """Return the whole address of a path, as it is sent; a whole address stays as it is.

        Raises ``PermanentError`` for an address that is not valid, or that two parsers could read differently.
        """
        if not is_plain(self.base):
            raise PermanentError(f"{self._policy.url_to_correct} is not a valid address; correct it.")
        whole = joined(f"{self.base}/", path)
        return str(http.prepared(self._repeating, "GET", whole, "tell the vendor's support").url)

    def owns(self, url: str) -> bool:
        """Return whether the address is of the vendor's own origin."""
        return same_origin(url, self.base)

    def auth_headers(self) -> Headers:
        """Return the headers with credentials; raise ``PermanentError`` where the key is missing or malformed."""
        key, setting = self._credentials.key.get_secret_value(), self._credentials.setting
        if not key:
            raise PermanentError(f"The request was not sent, because there is no API key; set {setting}.")
        if not (key.isascii() and key.isprintable() and " " not in key):
            # The libraries below would show the key in their error.
            raise PermanentError(f"The API key holds a character that no key has, such as a space; check {setting}.")
        return self._auth_headers(key)

    def _own(self, address: str) -> Headers:
        """Return the headers with credentials for the vendor's own origin, and none for another."""
        return self.auth_headers() if self.owns(address) else {}

    def _timed(self, response: requests.Response) -> requests.Response:
        if self.owns(str(response.url)):
            self.skew = clock_skew(response.headers.get("Date"))
        return response
