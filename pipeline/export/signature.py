"""DIDWW's signature of a callback: of what it says and where it was sent, under a secret that both sides know."""

import hmac
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from pydantic import SecretStr

HEADER = "X-DIDWW-Signature"

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


def is_signed(signature: str, secret: SecretStr, url: str, payload: Mapping[str, str]) -> bool:
    """Whether the signature is that of the payload, sent to ``url``; nothing is signed under an empty secret.

    ``url`` is the address as it was registered with the vendor. Of a GET it has the payload in its query too.
    """
    key = secret.get_secret_value().encode()
    said = "".join(f"{name}{payload[name]}" for name in sorted(payload))
    expected = hmac.digest(key, f"{normalised(url)}{said}".encode("utf-8", "replace"), "sha1").hex()
    return bool(key) and hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace"))


def normalised(url: str) -> str:
    """The address as it is signed: with its port always, and ``http`` where it names no scheme."""
    parts = urlsplit(url if _SCHEME.match(url) else f"http://{url}")
    user = "".join(parts.netloc.rpartition("@")[:2])
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = (443 if parts.scheme == "https" else 80) if parts.port is None else parts.port
    return parts._replace(netloc=f"{user}{host}:{port}").geturl()
