"""A way to one vendor: its key goes to its own origin only, a GET is repeated, a POST never."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TypeVar

import requests

from pipeline.addresses import is_plain, joined, same_origin, shown
from pipeline.errors import PermanentError, TransientError
from pipeline.export import http
from pipeline.export.answers import skew
from pipeline.export.http import Headers
from pipeline.export.protocol import Credentials
from pipeline.export.rate_limiter import RateLimiter
from pipeline.export.refusals import target
from pipeline.export.response_policy import DEFAULT, PRESIGNED, ResponsePolicy

_MAX_REDIRECTS = 5
_MAX_PAGES = 10_000

_Page = TypeVar("_Page")


class Connection:
    """HTTP to one vendor, whose addresses are relative to ``credentials.url``.

    ``auth_headers`` makes the headers that let us in of the key, which is checked before. ``headers`` go with every
    request of JSON.
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
        """By how much the vendor's clock was ahead of ours at its last answer."""

    def post(self, path: str, body: object, headers: Headers | None = None) -> requests.Response:
        """POST JSON, once."""
        sent = {**self._headers, "Content-Type": "application/json", **(headers or {})}
        answer = http.call(
            self._once,
            "POST",
            self.url(path),
            self._policy,
            auth_headers=self._headers_for,
            headers=sent,
            data=json.dumps(body),
        )
        return self._heard(answer)

    def get(self, path: str) -> requests.Response:
        """GET JSON; the address must be the vendor's own."""
        url = self.url(path)
        if not self.owns(url):
            raise PermanentError(f"{shown(url)} is another host, where the key must not go; tell the vendor.")
        answer = http.call(
            self._repeating, "GET", url, self._policy, auth_headers=self._headers_for, headers=self._headers
        )
        return self._heard(answer)

    def pages(self, first: str, read: Callable[[requests.Response], tuple[_Page, str | None]]) -> Iterator[_Page]:
        """Every page of a list, each once; ``read`` makes one of an answer, and finds in it where the next is."""
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
        """Stream a file; redirects are followed by hand, so that the key goes to the vendor's own origin only.

        Where the address is ``signed`` it goes nowhere.
        """
        span = {"Range": f"bytes={offset}-", "If-Range": etag} if offset and etag else {}
        headers = {"Accept": "*/*", "Accept-Encoding": "identity", **span}
        for _ in range(_MAX_REDIRECTS):
            response = self._streamed(self.url(url), headers, signed=signed)
            if not response.is_redirect:
                return response
            url = target(response)
            response.close()
        raise PermanentError(f"GET {shown(url)} redirects without end; tell the vendor's support.")

    def _streamed(self, url: str, headers: Headers, *, signed: bool) -> requests.Response:
        known = not signed and self.owns(url)
        response = http.call(
            self._repeating,
            "GET",
            url,
            self._policy if known else PRESIGNED,
            auth_headers=(lambda address: {}) if signed else self._headers_for,
            headers=headers,
            stream=True,
            redirects=True,
        )
        return self._heard(response)

    def url(self, path: str) -> str:
        """The whole address of a path below the base, as it is sent; a whole address stays as it is.

        Raises ``PermanentError`` where there is none, or one that could be read in two ways.
        """
        if not is_plain(self.base):
            raise PermanentError(f"{self._policy.url_to_correct} is no address that can be asked; correct it.")
        whole = joined(f"{self.base}/", path)
        return str(http.prepared(self._repeating, "GET", whole, "tell the vendor's support").url)

    def owns(self, url: str) -> bool:
        """Whether the address is of the vendor's own origin."""
        return same_origin(url, self.base)

    def auth_headers(self) -> Headers:
        """The headers that let us in; raises ``PermanentError`` where the key is missing or cannot be one."""
        key, setting = self._credentials.key.get_secret_value(), self._credentials.setting
        if not key:
            raise PermanentError(f"The vendor cannot be asked without an API key; set {setting}.")
        if not (key.isascii() and key.isprintable() and " " not in key):
            # What refuses such a header further down would repeat the key in its error.
            raise PermanentError(f"The API key holds a character that no key has, such as a space; check {setting}.")
        return self._auth_headers(key)

    def _headers_for(self, address: str) -> Headers:
        """What lets us in at an address that is about to be asked: nothing where it is not the vendor's own."""
        return self.auth_headers() if self.owns(address) else {}

    def _heard(self, response: requests.Response) -> requests.Response:
        if self.owns(str(response.url)):
            self.skew = skew(response.headers.get("Date"))
        return response
