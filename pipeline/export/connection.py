"""A way to one vendor: its key goes to its own origin only, a GET is repeated, a POST never."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urljoin

import requests

from pipeline.errors import PermanentError, TransientError
from pipeline.export import http
from pipeline.export.answers import skew
from pipeline.export.http import Manners
from pipeline.export.pace import Pace
from pipeline.export.protocol import Access

_MAX_REDIRECTS = 5
_MAX_PAGES = 10_000

Headers = Mapping[str, str]


class Connection:
    """HTTP to one vendor, whose addresses are relative to ``access.url``.

    ``credentials`` makes the headers that let us in of the key, which is checked before. ``headers`` go with every
    request of JSON.
    """

    def __init__(
        self,
        access: Access,
        credentials: Callable[[str], Headers],
        *,
        headers: Headers | None = None,
        manners: Manners = http.PLAIN,
        patience: float = 1.0,
        pace: Pace | None = None,
    ) -> None:
        self.base = access.url.rstrip("/")
        self._access = access
        self._credentials = credentials
        self._headers = {"Accept": "application/json", **(headers or {})}
        self._manners = manners
        self._repeating = http.session(patience, pace=pace, manners=manners)
        self._once = http.session(repeats=0, pace=pace, manners=manners)
        self.skew: timedelta | None = None
        """By how much the vendor's clock was ahead of ours at its last answer."""

    def post(self, path: str, body: object, headers: Headers | None = None) -> requests.Response:
        """POST JSON, once."""
        sent = {**self._headers, "Content-Type": "application/json", **(headers or {}), **self.credentials()}
        return self._call(self._once, "POST", self.url(path), data=json.dumps(body), headers=sent)

    def get(self, path: str) -> requests.Response:
        """GET JSON; the address must be the vendor's own."""
        url = self.url(path)
        if not self.owns(url):
            raise PermanentError(f"{http.shown(url)} is another host, where the key must not go; tell the vendor.")
        return self._call(self._repeating, "GET", url, headers={**self._headers, **self.credentials()})

    def pages(self, first: str, next_of: Callable[[requests.Response], str | None]) -> Iterator[requests.Response]:
        """Every page of a list, each once; ``next_of`` finds in one where the next is."""
        path: str | None = self.url(first)
        seen: set[str] = set()
        while path:
            url = self.url(path)
            if url in seen or len(seen) >= _MAX_PAGES:
                raise TransientError(f"GET {http.shown(url)} names a next page that was read already; try again later.")
            seen.add(url)
            response = self.get(url)
            yield response
            path = next_of(response)

    def open(self, url: str, offset: int = 0, etag: str = "", *, signed: bool = False) -> requests.Response:
        """Stream a file; redirects are followed by hand, so that the key goes to the vendor's own origin only.

        Where the address is ``signed`` it goes nowhere.
        """
        url = self.url(url)
        span = {"Range": f"bytes={offset}-", "If-Range": etag} if offset and etag else {}
        for _ in range(_MAX_REDIRECTS):
            ours = not signed and self.owns(url)
            headers = {"Accept": "*/*", "Accept-Encoding": "identity", **span, **(self.credentials() if ours else {})}
            manners = self._manners if ours else http.UNKEYED
            response = self._call(self._repeating, "GET", url, manners, headers=headers, stream=True)
            if not response.is_redirect:
                return response
            url = urljoin(url, response.headers["Location"])
            response.close()
        raise PermanentError(f"GET {http.shown(url)} redirects without end; tell the vendor's support.")

    def url(self, path: str) -> str:
        """The whole address of a path below the base; a whole address is left as it is."""
        return urljoin(f"{self.base}/", path)

    def owns(self, url: str) -> bool:
        """Whether the address is of the vendor's own origin."""
        return http.same_origin(url, self.base)

    def credentials(self) -> Headers:
        """The headers that let us in; raises ``PermanentError`` where the key is missing or cannot be one."""
        key, setting = self._access.key.get_secret_value(), self._access.setting
        if not key:
            raise PermanentError(f"The vendor cannot be asked without an API key; set {setting}.")
        if not (key.isascii() and key.isprintable() and " " not in key):
            # What refuses such a header further down would repeat the key in its error.
            raise PermanentError(f"The API key holds a character that no key has, such as a space; check {setting}.")
        return self._credentials(key)

    def _call(
        self, session: requests.Session, method: str, url: str, manners: Manners | None = None, **arguments: Any
    ) -> requests.Response:
        response = http.call(session, method, url, manners or self._manners, **arguments)
        self.skew = skew(response.headers.get("Date")) if self.owns(url) else self.skew
        return response
