"""What a vendor's answers mean where they are not those of everybody."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


def _json_api(body: Any) -> str:
    return "; ".join(str(item["detail"]) for item in body["errors"])


@dataclass(frozen=True)
class Manners:
    """What a vendor's answers mean where they are not those of everybody.

    ``setting`` names the setting of its key, and is empty where no key is shown. ``reason`` finds in the JSON of a
    refusal what is wrong, and may raise where it does not; nothing else of a body is repeated, it could hold anything.
    ``busy`` tells a refusal that only says that there is enough to do for now. ``resets`` is the header that names the
    instant, in seconds of the epoch, from which a vendor that was asked too often listens again. ``address`` names the
    setting of the address that is asked.
    """

    setting: str = "DIDWW_API_KEY"
    reason: Callable[[Any], str] = _json_api
    busy: Callable[[Any], bool] = lambda body: False
    resets: str = ""
    address: str = ""

    @property
    def address_setting(self) -> str:
        """The name of the setting to correct where the vendor is elsewhere."""
        beside = f"{self.setting.removesuffix('_KEY')}_URL" if self.setting else "the vendor's address"
        return self.address or beside


PLAIN = Manners()

UNKEYED = Manners(setting="")
"""For an address that lets in anyone who knows it, for a time."""
