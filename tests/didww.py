"""DIDWW as many tests ask it: its two record types of calls, and the client in front of a local vendor."""

from pydantic import SecretStr

from pipeline.dataset import Dataset
from pipeline.export.didww import Vendor
from pipeline.export.protocol import Credentials

CDR_IN, CDR_OUT = Dataset("cdr_in", "didww", "cdr_in"), Dataset("cdr_out", "didww", "cdr_out")


def credentials(url: str, key: str, version: str = "2026-04-16") -> Credentials:
    """How the vendor at ``url`` lets us in."""
    return Credentials(url, SecretStr(key), "DIDWW_API_KEY", version)


def client(url: str, key: str, version: str = "2026-04-16") -> Vendor:
    """A client that waits for nothing."""
    return Vendor(credentials(url, key, version), backoff=0.0)
