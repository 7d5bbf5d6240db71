"""Check DIDWW's signature of a callback: an HMAC of the callback's address and payload under a shared secret."""

import hmac
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from pydantic import SecretStr

HEADER = "X-DIDWW-Signature"

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


def is_signed(signature: str, secret: SecretStr, url: str, payload: Mapping[str, str]) -> bool:
    """Return whether the signature is that of the payload; always False under an empty secret.

    Args:
        signature: The value of the header, in hexadecimal digits.
        secret: The callback secret of the account.
        url: The address as registered with the vendor; that of a GET has the payload in its query too.
        payload: The fields of the callback.
    """
    key = secret.get_secret_value().encode()
    fields = "".join(f"{name}{payload[name]}" for name in sorted(payload))
    expected = hmac.digest(key, f"{normalised(url)}{fields}".encode("utf-8", "replace"), "sha1").hex()
    return bool(key) and hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace"))


def normalised(url: str) -> str:
    """Return the address as it is signed: with its port, and with ``http`` where it names no scheme."""
    parts = urlsplit(url if _SCHEME.match(url) else f"http://{url}")
    user = "".join(parts.netloc.rpartition("@")[:2])
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = (443 if parts.scheme == "https" else 80) if parts.port is None else parts.port
    return parts._replace(netloc=f"{user}{host}:{port}").geturl()
