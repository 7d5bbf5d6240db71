"""Addresses, read in one way only: what two readers could take for two hosts is no address here."""

import ipaddress
import re
from urllib.parse import urljoin, urlsplit

_PLAIN = re.compile(r"https?://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?(?:[/?#].*)?", re.IGNORECASE)
_ODD = re.compile(r"[\x00-\x1f\x7f-\x9f\\]")
"""Control characters, which some readers skip, and the backslash, which some take for a slash."""

_WHOLE = re.compile(r"[a-z][a-z0-9+.-]*:|///", re.IGNORECASE)
"""How what is no path begins: some readers take ``http:x`` for one, and some what follows three slashes for a host."""

_PORTS = {"http": 80, "https": 443}


def names_host(url: str, schemes: set[str]) -> bool:
    """Whether the address is of one of these schemes and names a host."""
    try:
        parts = urlsplit(url)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # its text would repeat a part of the address, which may be a password
        return False


def is_readable(text: str) -> bool:
    """Whether every reader takes the same characters for parts of the address, or of the path."""
    return not _ODD.search(text) and text == text.strip()


def is_plain(url: str) -> bool:
    """Whether a request may go there: http or https, a host in ASCII, no user, and nothing that is read in two ways."""
    return is_readable(url) and bool(_PLAIN.fullmatch(url)) and names_host(url, {"http", "https"})


def joined(base: str, path: str) -> str:
    """The address of a path where ``base`` was asked; a whole address stays as it is; empty where it is none."""
    if not path or not is_readable(path) or _WHOLE.match(path):
        return path if is_plain(path) else ""
    try:
        return urljoin(base, path)
    except ValueError:  # such as //[::1
        return ""


def same_origin(url: str, base: str) -> bool:
    """Whether both name the same scheme, host and port; what is not plain is of no origin."""
    return is_plain(url) and is_plain(base) and _origin(url) == _origin(base)


def is_loopback(url: str) -> bool:
    """Whether a plain address is of this very machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def shown(url: str) -> str:
    """The address without its query and user, which may hold more than a log should."""
    if not (is_readable(url) and names_host(url, {"http", "https"})):
        return "an address that is none"
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
