"""Send a signed callback for each completed export, by GET or POST, once."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import SplitResult, urlencode, urlsplit

from pipeline.sandbox.didww.exports import COMPLETED, Export, ExportStore

_HEADER = "X-DIDWW-Signature"
_FIRST_WITH_URL = "2026-04-16"
_TIMEOUT_SECONDS = 10


@dataclass(frozen=True)
class Delivery:
    """The callback of one export; one that was not answered has no ``status``."""

    export_id: str
    status: int | None


class Callbacks:
    """Sends callbacks and remembers them; without a ``secret`` it sends no callback, as the vendor does."""

    def __init__(self, store: ExportStore, secret: str) -> None:
        self._store = store
        self._secret = secret
        self._told: set[str] = set()

    def deliver(self, exports_url: str, *, redeliver: bool = False) -> list[Delivery]:
        """Send the callbacks that are due, or all with ``redeliver``, and return how each was answered.

        The vendor would repeat a callback up to nine times until it is answered with 2xx.
        """
        now = self._store.now()
        completed = [export for export in self._store.own() if export.status(now) == COMPLETED]
        due = [export for export in completed if export.callback_url and (redeliver or export.id not in self._told)]
        if not self._secret:
            return []
        self._told.update(export.id for export in due)
        return [Delivery(export.id, self._call(export, exports_url)) for export in due]

    def _call(self, export: Export, exports_url: str) -> int | None:
        payload = {"id": export.id, "type": "exports", "status": "completed"}
        if export.version >= _FIRST_WITH_URL:
            payload["url"] = f"{exports_url}/{export.file_name}"
        query = urlencode(sorted(payload.items()))
        url = _absolute(export.callback_url or "")
        if (export.callback_method or "").lower() == "get":
            url = url._replace(query="&".join(filter(None, (url.query, query))))
            return _sent("GET", url, None, {_HEADER: signature(self._secret, url, payload)})
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return _sent("POST", url, query, headers | {_HEADER: signature(self._secret, url, payload)})


def signature(secret: str, url: SplitResult, payload: Mapping[str, str]) -> str:
    """Return the signature of the address with its port, then each name and value, sorted by name.

    Args:
        secret: The callback secret.
        url: The address of the callback.
        payload: The fields of the callback.
    """
    port = "" if url.port else ":443" if url.scheme == "https" else ":80"
    signed = url._replace(netloc=url.netloc + port).geturl() + "".join(name + payload[name] for name in sorted(payload))
    return hmac.digest(secret.encode(), signed.encode(), "sha1").hex()


def _absolute(url: str) -> SplitResult:
    return urlsplit(url if "://" in url else f"http://{url}")


def _sent(method: str, url: SplitResult, body: str | None, headers: Mapping[str, str]) -> int | None:
    kind = HTTPSConnection if url.scheme == "https" else HTTPConnection
    connection = kind(url.hostname or "", url.port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request(method, url._replace(scheme="", netloc="", fragment="").geturl() or "/", body, headers)
        return connection.getresponse().status
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()
