"""URLs: an address that two parsers could read as two different hosts is refused."""

import ipaddress
import re
from urllib.parse import urljoin, urlsplit

_PLAIN = re.compile(r"https?://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?(?:[/?#].*)?", re.IGNORECASE)
_ODD = re.compile(r"[\x00-\x1f\x7f-\x9f\\]")
"""Control characters, which some parsers skip, and the backslash, which some read as a slash."""

_WHOLE = re.compile(r"[a-z][a-z0-9+.-]*:|///", re.IGNORECASE)
"""The beginning of an address that is not a path. Some parsers read ``http:x`` as a path, and ``///x`` as a host."""

_PORTS = {"http": 80, "https": 443}


def names_host(url: str, schemes: set[str]) -> bool:
    """Whether an address has one of these schemes and a host."""
    try:
        parts = urlsplit(url)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # the text of the error contains a part of the address, perhaps a password
        return False


def is_readable(text: str) -> bool:
    """Whether all parsers split the address, or the path, in the same way."""
    return not _ODD.search(text) and text == text.strip()


def is_plain(url: str) -> bool:
    """Whether a request may go to an address: http or https, an ASCII host, no user, and only one way to read it."""
    return is_readable(url) and bool(_PLAIN.fullmatch(url)) and names_host(url, {"http", "https"})


def joined(base: str, path: str) -> str:
    """Return the address of a path relative to ``base``, or a full address as it is; empty where it is not plain."""
    if not path or not is_readable(path) or _WHOLE.match(path):
        return path if is_plain(path) else ""
    try:
        return urljoin(base, path)
    except ValueError:  # such as //[::1
        return ""


def same_origin(url: str, base: str) -> bool:
    """Whether two plain addresses have the same scheme, host and port."""
    return is_plain(url) and is_plain(base) and _origin(url) == _origin(base)


def is_loopback(url: str) -> bool:
    """Whether a plain address belongs to this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def shown(url: str) -> str:
    """Return the address without its user and query, which may contain secrets."""
    if not (is_readable(url) and names_host(url, {"http", "https"})):
        return "an invalid address"
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
