"""Which proxy a request goes through, and which certificates are trusted."""

from collections.abc import Mapping
from dataclasses import dataclass

import requests
from requests.utils import select_proxy

from pipeline.addresses import is_loopback

BUNDLES = "REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE"
"""The variables that may name the certificates to trust."""


@dataclass(frozen=True)
class Transport:
    """How a request is sent.

    Args:
        proxies: The proxies by scheme.
        proxy: The proxy that is used, without its user; empty for none.
        verify: The file of the certificates to trust, or True for the default ones.
    """

    proxies: Mapping[str, str]
    proxy: str
    verify: bool | str

    @property
    def described(self) -> str:
        """The part of an error that names the proxy; empty without one."""
        return f" through the proxy {self.proxy}" if self.proxy else ""


def transport_of(session: requests.Session, url: str) -> Transport:
    """Return how the environment wants a plain address to be reached; a loopback address uses no proxy."""
    found = session.merge_environment_settings(url, {}, stream=None, verify=None, cert=None)
    proxies = {} if is_loopback(url) else dict(found["proxies"])
    proxy = select_proxy(url, proxies) or ""
    return Transport(proxies, proxy.rpartition("@")[2].rpartition("//")[2].rstrip("/"), found["verify"] or True)
