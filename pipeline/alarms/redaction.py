"""What no message may hold: a phone number, a key, the query or the user of an address."""

import re
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

_HIDDEN = "…"
"""No key can hold it, since none that is sent in a header or a URL can: what is put together around it is no key."""

_ADDRESS = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*://)(?:[^\s/?#]*@)?([^\s?#]*)(?:[?#]\S*)?")
_NUMBER = re.compile(r"\+\d(?:[ ().\-/]{0,2}\d){6,}|\d{7,}")
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def redacted(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without secrets, with addresses cut to scheme, host and path, and numbers to their last two digits."""
    known = list(secrets)
    text = text.encode("utf-8", "replace").decode()  # a lone surrogate would stop a message where it is sent
    # before addresses are cut, since one may be a secret, and after, since cutting may put one together
    text = _ADDRESS.sub(r"\1\2", _without(text, known))
    return _NUMBER.sub(lambda found: _HIDDEN + found[0][-2:], _without(text, known))


def redacted_id(text: str, secrets: Iterable[str] = ()) -> str:
    """The same for ids between slashes: of a UUID every digit is needed, and none is a phone number's."""
    parts = _without(text, secrets).split("/")
    return "/".join(part if _ID.fullmatch(part) else redacted(part, secrets) for part in parts)


def secrets_in(url: str) -> set[str]:
    """The parts of a secret address that must not be shown: all of it, its path, its password and its query."""
    parts = urlsplit(url)
    path = parts.path if len(parts.path) > 1 else ""
    return {url, path, parts.query, parts.password or "", unquote(parts.password or "")} - {""}


def _without(text: str, secrets: Iterable[str]) -> str:
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, _HIDDEN)
    return text
