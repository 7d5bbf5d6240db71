"""Redact text: phone numbers, keys, and the user and query of addresses."""

import re
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

_HIDDEN = "…"
"""A character that no key contains, because a key must fit in a header or URL. So a redacted text forms no new key."""

_ADDRESS = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*://)(?:[^\s/?#]*@)?([^\s?#]*)(?:[?#]\S*)?")
_NUMBER = re.compile(r"\+\d(?:[ ().\-/]{0,2}\d){6,}|\d{7,}")
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def redacted(text: str, secrets: Iterable[str] = ()) -> str:
    """Return the text without secrets; addresses keep scheme, host and path, numbers their last two digits."""
    known = list(secrets)
    text = text.encode("utf-8", "replace").decode()  # a lone surrogate cannot be sent
    # secrets are removed twice: an address may be a secret, and cutting an address may form one
    text = _ADDRESS.sub(r"\1\2", _without(text, known))
    return _NUMBER.sub(lambda found: _HIDDEN + found[0][-2:], _without(text, known))


def redacted_id(text: str, secrets: Iterable[str] = ()) -> str:
    """Return the redacted text of ids between slashes. A UUID stays whole, because it contains no phone number."""
    parts = _without(text, secrets).split("/")
    return "/".join(part if _ID.fullmatch(part) else redacted(part, secrets) for part in parts)


def secrets_in(url: str) -> set[str]:
    """Return the parts of a secret address to redact: the whole address, its path, its password and its query."""
    parts = urlsplit(url)
    path = parts.path if len(parts.path) > 1 else ""
    return {url, path, parts.query, parts.password or "", unquote(parts.password or "")} - {""}


def _without(text: str, secrets: Iterable[str]) -> str:
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, _HIDDEN)
    return text
