"""Check credentials, and choose the version to serve: the account's, or a newer one that was asked for."""

from pipeline.sandbox.didww import routes
from pipeline.sandbox.didww.problems import problem, unauthorized
from pipeline.sandbox.didww.tokens import Tokens
from pipeline.sandbox.didww.versions import Version, served
from pipeline.sandbox.faults import Operation
from pipeline.sandbox.request import Request
from pipeline.sandbox.responses import RefusalError, Response

_BEARER = "Bearer "
_READING = ("GET", "HEAD")


class Authenticator:
    """Checks the key or the token of each request; ``default`` is the account's version.

    Args:
        api_key: The only key that is accepted.
        tokens: The tokens that are accepted.
        default: The account's version.
    """

    def __init__(self, api_key: str, tokens: Tokens, default: Version) -> None:
        self._api_key = api_key
        self.tokens = tokens
        self.default = default

    def authenticate(self, request: Request) -> Version:
        """Return the version to answer in; raise ``RefusalError`` for wrong credentials."""
        header = request.headers.get("authorization", "")
        if header.startswith(_BEARER):
            return self._by_token(header.removeprefix(_BEARER), request)
        version = served(self.default, request.headers.get("x-didww-api-version"))
        downloads = routes.operation(request) is Operation.DOWNLOAD
        if request.headers.get("api-key") != self._api_key:
            raise RefusalError(Response(401)) if downloads or version.bearer else unauthorized()
        # A file is all that the key opens in every version.
        if version.bearer and not downloads:
            raise RefusalError(Response(401))
        return version

    def _by_token(self, text: str, request: Request) -> Version:
        token = self.tokens.find(text)
        if token is None:
            raise _challenged(401, "invalid_token", "The access token is not valid or has expired")
        if token.scope == "read" and request.method not in _READING:
            raise _challenged(403, "insufficient_scope", "The access token may only read")
        return served(self.default, token.api_version)


def _challenged(status: int, error: str, title: str) -> RefusalError:
    refusal = problem(status, title, title, str(status))
    refusal.answer.headers["WWW-Authenticate"] = f'Bearer error="{error}"'
    return refusal
