"""Authenticate at DIDWW: by the key, or by tokens that are made of the key where only tokens are accepted."""

import json
import re
import threading
import time
from collections.abc import Callable
from typing import Any

import requests
from pydantic import SecretStr

from pipeline.addresses import same_origin, shown
from pipeline.errors import PermanentError, TransientError
from pipeline.export import http, responses
from pipeline.export.connection import Connection
from pipeline.export.didww_dialects import DIALECTS, dialect_of
from pipeline.export.http import Headers
from pipeline.export.http_errors import UnauthorizedError
from pipeline.export.protocol import Credentials
from pipeline.export.rate_limiter import RateLimiter
from pipeline.export.response_policy import ResponsePolicy

_SERVICES = {
    "https://api.didww.com": "https://auth.didww.com/token",
    "https://sandbox-api.didww.com": "https://auth-sandbox.didww.com/token",
}
_SETTING = "DIDWW_TOKEN_URL"
_AUDIENCE = "api.didww.com"  # the name of the production host, at the vendor's own sandbox too
_EARLY_SECONDS = 60
"""How long before its end a token is renewed, or a quarter of its life if that is shorter."""

_EARLY_SHARE = 0.25
_SENDABLE = re.compile(r"[!-~]+")  # what fits into a header: the error for any other token would show it
_FIRST_WITH_TOKENS = next(dialect.since for dialect in DIALECTS if dialect.bearer)


def _reason(body: Any) -> str:
    return f"{body['error']}, {body['error_description']}"


class Tokens:
    """Keeps one token for all threads and renews it shortly before its end; no text shows it.

    Args:
        credentials: The key, and the address of the token service.
        backoff: The factor of the waits between repeated requests, in seconds.
        limiter: Limits the rate of the requests; None for no limit.
        clock: The time, in seconds; it must never go back.
    """

    def __init__(
        self,
        credentials: Credentials,
        backoff: float = 1.0,
        limiter: RateLimiter | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        origin = next((origin for origin in _SERVICES if same_origin(credentials.url, origin)), "")
        self._url = credentials.token_url or _SERVICES.get(origin, "")
        version = credentials.version if dialect_of(credentials.version).bearer else _FIRST_WITH_TOKENS
        self._body = json.dumps({"aud": _AUDIENCE, "scope": "full", "api_version": version})
        self._policy = ResponsePolicy(key_setting=credentials.setting, reason=_reason, url_setting=_SETTING)
        # A token that was made and never arrived does no harm, so this POST may be repeated.
        self._http = http.session(backoff, limiter=limiter, policy=self._policy, repeatable={"POST"})
        self._clock = clock
        self._lock = threading.Lock()
        self._token = SecretStr("")
        self._issued_at = self._renew_at = clock()

    def current(self, key: str) -> str:
        """Return a token for the next request."""
        with self._lock:
            if not self._token.get_secret_value() or self._clock() >= self._renew_at:
                self._renew(key)
            return self._token.get_secret_value()

    def invalidate(self, issued_before: float) -> None:
        """Forget the token if it was requested before that time; a newer one may be valid."""
        with self._lock:
            if self._issued_at <= issued_before:
                self._token = SecretStr("")

    def now(self) -> float:
        """Return the time by the clock of the tokens, in seconds."""
        return self._clock()

    def _renew(self, key: str) -> None:
        requested_at = self._clock()
        body = responses.json_object(self._requested(key))
        token, lifetime = body.get("access_token"), body.get("expires_in")
        if not isinstance(lifetime, int) or not isinstance(token, str) or not _SENDABLE.fullmatch(token):
            raise TransientError(f"POST {shown(self._url)} was answered without a token; try again later.")
        self._token, self._issued_at = SecretStr(token), requested_at
        self._renew_at = requested_at + lifetime - min(_EARLY_SECONDS, lifetime * _EARLY_SHARE)

    def _requested(self, key: str) -> requests.Response:
        if not self._url:
            raise PermanentError(f"DIDWW wants a token in the place of the API key; set {_SETTING}.")
        headers = {"Accept": "application/json", "Content-Type": "application/json", "Api-Key": key}
        try:
            return http.call(self._http, "POST", self._url, self._policy, data=self._body, headers=headers)
        except UnauthorizedError as refused:  # another token would not help this request
            raise PermanentError(str(refused)) from refused


class Authenticator:
    """Makes the headers with credentials: the key first, and a token once the key alone is refused."""

    def __init__(self, credentials: Credentials, tokens: Tokens) -> None:
        self._version = {"X-DIDWW-API-Version": credentials.version} if credentials.version else {}
        self._bearer = dialect_of(credentials.version).bearer
        self._tokens = tokens

    def headers(self, key: str) -> Headers:
        """Return the key and the API version, or a token, which has the version in it."""
        if self._bearer:
            return {"Authorization": f"Bearer {self._tokens.current(key)}"}
        return {"Api-Key": key, **self._version}

    def retried(self, call: Callable[[], requests.Response], *, key_always: bool = False) -> requests.Response:
        """Return the response of ``call``, called once more after a 401 where other credentials may be accepted.

        A 401 has done nothing. A token may have been revoked. Where the version accepts tokens only, the key is refused
        with an empty body.

        Args:
            call: Sends the request with the headers of this moment.
            key_always: Whether every version accepts the key for this request.
        """
        began = self._tokens.now()
        try:
            return call()
        except UnauthorizedError as refused:
            if not self._bearer and (key_always or not refused.empty):
                raise
        if self._bearer:
            self._tokens.invalidate(issued_before=began)
        self._bearer = True
        return call()


class AuthSession(Connection):
    """A connection that sends a request once more with other credentials where the first are refused."""

    def __init__(self, credentials: Credentials, authenticator: Authenticator, **arguments: Any) -> None:
        super().__init__(credentials, authenticator.headers, **arguments)
        self._authenticator = authenticator

    def post(self, path: str, body: object, headers: Headers | None = None) -> requests.Response:
        """POST JSON, once more after a 401, and return the response; as ``Connection.post``."""
        return self._authenticator.retried(lambda: super(AuthSession, self).post(path, body, headers))

    def get(self, path: str) -> requests.Response:
        """GET JSON and return the response."""
        return self._authenticator.retried(lambda: super(AuthSession, self).get(path))

    def open(self, url: str, offset: int = 0, etag: str = "", *, signed: bool = False) -> requests.Response:
        """Start to stream a file, and return the response; as ``Connection.open``."""
        opened = super().open
        return self._authenticator.retried(lambda: opened(url, offset, etag, signed=signed), key_always=True)
