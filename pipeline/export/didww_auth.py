"""What lets us in at DIDWW: the key, or, where only tokens are taken, tokens made of it and renewed in time."""

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
from pipeline.export import answers, http
from pipeline.export.connection import Connection
from pipeline.export.didww_dialects import DIALECTS, dialect_of
from pipeline.export.http import Headers
from pipeline.export.protocol import Credentials
from pipeline.export.rate_limiter import RateLimiter
from pipeline.export.refusals import UnauthorizedError
from pipeline.export.response_policy import ResponsePolicy

_SERVICES = {
    "https://api.didww.com": "https://auth.didww.com/token",
    "https://sandbox-api.didww.com": "https://auth-sandbox.didww.com/token",
}
_SETTING = "DIDWW_TOKEN_URL"
_AUDIENCE = "api.didww.com"  # the name of the production host, at the vendor's own sandbox too
_EARLY_SECONDS = 60
"""How long before its end a token is renewed, or a quarter of its life where that is shorter."""

_SPARE = 0.25
_SENDABLE = re.compile(r"[!-~]+")  # what a header takes: of any other the refusal would hold it
_FIRST_WITH_TOKENS = next(dialect.since for dialect in DIALECTS if dialect.bearer)


def _said(body: Any) -> str:
    return f"{body['error']}, {body['error_description']}"


class Tokens:
    """One token, shared by every thread, and a new one shortly before it runs out; it is shown nowhere."""

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
        self._wanted = json.dumps({"aud": _AUDIENCE, "scope": "full", "api_version": version})
        self._policy = ResponsePolicy(key_setting=credentials.setting, reason=_said, url_setting=_SETTING)
        # A token that was made and never arrived harms nobody, so this POST may be repeated.
        self._http = http.session(backoff, limiter=limiter, policy=self._policy, repeatable={"POST"})
        self._clock = clock
        self._lock = threading.Lock()
        self._token = SecretStr("")
        self._made = self._renewed_at = clock()

    def current(self, key: str) -> str:
        """A token that is good for the next request."""
        with self._lock:
            if not self._token.get_secret_value() or self._clock() >= self._renewed_at:
                self._renew(key)
            return self._token.get_secret_value()

    def invalidate(self, issued_before: float) -> None:
        """Forget the token if it was made ``before`` that moment: one made since may be good."""
        with self._lock:
            if self._made <= issued_before:
                self._token = SecretStr("")

    def now(self) -> float:
        """The moment by the clock that tokens are measured with, in seconds."""
        return self._clock()

    def _renew(self, key: str) -> None:
        asked = self._clock()
        answer = answers.document(self._asked(key))
        token, lasts = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(lasts, int) or not isinstance(token, str) or not _SENDABLE.fullmatch(token):
            raise TransientError(f"POST {shown(self._url)} was answered without a token; try again later.")
        self._token, self._made = SecretStr(token), asked
        self._renewed_at = asked + lasts - min(_EARLY_SECONDS, lasts * _SPARE)

    def _asked(self, key: str) -> requests.Response:
        if not self._url:
            raise PermanentError(f"DIDWW wants a token in the place of the API key; set {_SETTING}.")
        headers = {"Accept": "application/json", "Content-Type": "application/json", "Api-Key": key}
        try:
            return http.call(self._http, "POST", self._url, self._policy, data=self._wanted, headers=headers)
        except UnauthorizedError as refused:  # not the request that wants the token: no other token would help it
            raise PermanentError(str(refused)) from refused


class Authenticator:
    """The headers that let us in; which these are is known when the key was refused, or from the version asked for."""

    def __init__(self, credentials: Credentials, tokens: Tokens) -> None:
        self._asked = {"X-DIDWW-API-Version": credentials.version} if credentials.version else {}
        self._bearer = dialect_of(credentials.version).bearer
        self._tokens = tokens

    def headers(self, key: str) -> Headers:
        """The key and the version to speak, or a token, which names that version itself."""
        if self._bearer:
            return {"Authorization": f"Bearer {self._tokens.current(key)}"}
        return {"Api-Key": key, **self._asked}

    def retry_unauthorized(self, call: Callable[[], requests.Response], *, keyless: bool = True) -> requests.Response:
        """Call, and once more where what let us in was refused and something else may do; a 401 has done nothing.

        A token may have been revoked. A key that is refused without a word is of an account whose version takes only
        tokens, but for what is not ``keyless``: that takes the key in every version.
        """
        began = self._tokens.now()
        try:
            return call()
        except UnauthorizedError as refused:
            if not self._bearer and not (refused.empty and keyless):
                raise
        if self._bearer:
            self._tokens.invalidate(issued_before=began)
        self._bearer = True
        return call()


class AuthSession(Connection):
    """A connection that changes what lets it in where that is refused."""

    def __init__(self, credentials: Credentials, authenticator: Authenticator, **arguments: Any) -> None:
        super().__init__(credentials, authenticator.headers, **arguments)
        self._authenticator = authenticator

    def post(self, path: str, body: object, headers: Headers | None = None) -> requests.Response:
        """POST JSON, once; where it was not let in, once more."""
        return self._authenticator.retry_unauthorized(lambda: super(AuthSession, self).post(path, body, headers))

    def get(self, path: str) -> requests.Response:
        """GET JSON."""
        return self._authenticator.retry_unauthorized(lambda: super(AuthSession, self).get(path))

    def open(self, url: str, offset: int = 0, etag: str = "", *, signed: bool = False) -> requests.Response:
        """Stream a file."""
        opened = super().open
        return self._authenticator.retry_unauthorized(lambda: opened(url, offset, etag, signed=signed), keyless=False)
