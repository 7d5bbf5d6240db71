"""What a vendor's error responses mean, where they differ from JSON:API and the HTTP standard."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


def _json_api(body: Any) -> str:
    return "; ".join(str(item["detail"]) for item in body["errors"])


@dataclass(frozen=True)
class ResponsePolicy:
    """How to read a vendor's error responses.

    Args:
        key_setting: The setting that holds the API key; empty for an address that needs no key.
        reason: Finds in the JSON of an error what is wrong. It may raise where there is nothing to find. Nothing else
            of a body is shown, because it may hold anything.
        is_busy: Tells from the JSON of an error whether the vendor takes no more exports for now.
        reset_header: The header of a 429 that holds the end of the limit, in seconds of the epoch.
        url_setting: The setting that holds the address; by default it is named like ``key_setting``.
    """

    key_setting: str = "DIDWW_API_KEY"
    reason: Callable[[Any], str] = _json_api
    is_busy: Callable[[Any], bool] = lambda body: False
    reset_header: str = ""
    url_setting: str = ""

    @property
    def url_to_correct(self) -> str:
        """The setting to correct if the address is wrong."""
        default = f"{self.key_setting.removesuffix('_KEY')}_URL" if self.key_setting else "the vendor's address"
        return self.url_setting or default


DEFAULT = ResponsePolicy()

PRESIGNED = ResponsePolicy(key_setting="")
"""For an address that holds its own signature and expires."""
