"""How a request leaves this machine: through which proxy, and whose certificates are trusted."""

from collections.abc import Mapping
from dataclasses import dataclass

import requests
from requests.utils import select_proxy

from pipeline.addresses import is_loopback

BUNDLES = "REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE"
"""The variables that may name the certificates to trust."""


@dataclass(frozen=True)
class Way:
    """The ``proxies`` of a request by scheme, the one that is taken, without its user, and what ``verify`` trusts."""

    proxies: Mapping[str, str]
    proxy: str
    verify: bool | str

    @property
    def told(self) -> str:
        """What a sentence about the request says of the way."""
        return f" through the proxy {self.proxy}" if self.proxy else ""


def way_of(session: requests.Session, url: str) -> Way:
    """What the environment says of the way to a plain address; this very machine is asked without a proxy."""
    said = session.merge_environment_settings(url, {}, stream=None, verify=None, cert=None)
    proxies = {} if is_loopback(url) else dict(said["proxies"])
    proxy = select_proxy(url, proxies) or ""
    return Way(proxies, proxy.rpartition("@")[2].rpartition("//")[2].rstrip("/"), said["verify"] or True)
