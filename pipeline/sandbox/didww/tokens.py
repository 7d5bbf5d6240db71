"""The token service: bearer tokens for the key, with a scope, a version and an end."""

import json
import secrets
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline.sandbox.clock import Clock
from pipeline.sandbox.didww.versions import VERSIONS
from pipeline.sandbox.rate_limit import RateLimit
from pipeline.sandbox.request import Request
from pipeline.sandbox.responses import Response, document

# The names of the production hosts, wherever the service runs.
AUDIENCES = ("api.didww.com", "api-vin.didww.com", "api-vout.didww.com", "api-sms.didww.com")
_SCOPES = ("full", "read")
_LIFE_SECONDS = 900
_SHORTEST, _LONGEST = 60, 3600
_FIRST_VERSION = next(version.name for version in VERSIONS if version.bearer)


@dataclass(frozen=True)
class Token:
    """The claims of a token."""

    scope: str
    api_version: str
    ends_at: datetime


class _RefusedError(Exception):
    """An OAuth error: its code and its description."""


class Tokens:
    """Makes tokens, and remembers them.

    Args:
        api_key: The key that tokens are made for.
        clock: The vendor's clock.
        limit: The limit of requests.
    """

    def __init__(self, api_key: str, clock: Clock, limit: RateLimit) -> None:
        self._api_key = api_key
        self._clock = clock
        self._limit = limit
        self._made: dict[str, Token] = {}
        self._lock = threading.Lock()

    def answer(self, request: Request) -> Response:
        """Return a new token, or the error."""
        if not self._limit.allows():
            return too_many(1)
        if request.headers.get("api-key") != self._api_key:
            return _error(401, "invalid_client", "The API key is missing or not valid.")
        try:
            return self._make(_body(request))
        except _RefusedError as refused:
            return _error(400, *refused.args)

    def find(self, text: str) -> Token | None:
        """Return the claims of that token; None for an unknown or expired one."""
        token = self._made.get(text)
        return token if token and self._clock() < token.ends_at else None

    def revoke(self) -> None:
        """Revoke every token made so far."""
        with self._lock:
            self._made.clear()

    def _make(self, body: dict[str, object]) -> Response:
        scope, version = str(body.get("scope", "full")), str(body.get("api_version", _FIRST_VERSION))
        if scope not in _SCOPES:
            raise _RefusedError("invalid_scope", f"{scope} is not a scope.")
        lasts = max(_SHORTEST, min(_life(body), _LONGEST))
        text = ".".join(secrets.token_urlsafe(24) for _ in range(3))
        with self._lock:
            self._made[text] = Token(scope, version, self._clock() + timedelta(seconds=lasts))
        content = {"access_token": text, "token_type": "Bearer", "expires_in": lasts}
        return _uncached(200, {**content, "aud": body["aud"], "scope": scope, "api_version": version})


def too_many(seconds: float | str) -> Response:
    """Return a 429; unlike the API, the service says when to try again."""
    answer = _error(429, "rate_limit_exceeded", "Too many token requests.")
    answer.headers["Retry-After"] = str(seconds)
    return answer


def _body(request: Request) -> dict[str, object]:
    try:
        body = json.loads(request.body)
    except ValueError as error:
        raise _RefusedError("invalid_request", "The body is not JSON.") from error
    if not isinstance(body, dict):
        raise _RefusedError("invalid_request", "The body is not an object.")
    audience = body.get("aud")
    hosts = audience if isinstance(audience, list) and audience else [audience]
    if any(host not in AUDIENCES for host in hosts):
        raise _RefusedError("invalid_request", "aud is missing or not an audience.")
    return body


def _life(body: dict[str, object]) -> int:
    lasts = body.get("expires_in", _LIFE_SECONDS)
    if not isinstance(lasts, int):
        raise _RefusedError("invalid_request", "expires_in is not a number of seconds.")
    return lasts


def _error(status: int, error: str, description: str) -> Response:
    return _uncached(status, {"error": error, "error_description": description})


def _uncached(status: int, content: object) -> Response:
    answer = document(status, content)
    answer.headers |= {"Cache-Control": "no-store", "Pragma": "no-cache"}
    return answer
