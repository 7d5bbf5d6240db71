"""Addresses that hold a secret, looked at without showing it."""

from urllib.parse import urlsplit


def names_host(url: str, schemes: set[str]) -> bool:
    """Whether the address is of one of these schemes and names a host."""
    try:
        parts = urlsplit(url)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # its text would repeat a part of the address, which may be a password
        return False
