"""The cursor of the sensor: what it remembers from tick to tick."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Cursor:
    """The time of the last reading of the lists, and the status of each month then; only changes are reported."""

    looked: datetime | None
    said: Mapping[str, str]

    @classmethod
    def read(cls, text: str | None) -> "Cursor":
        """Return the cursor of an earlier tick; an empty one at the first tick, or after another release."""
        try:
            looked, said = json.loads(text or "")
            return cls(datetime.fromisoformat(looked), dict(said))
        except (TypeError, ValueError):  # missing, or of another release: at worst a status is reported twice
            return cls(None, {})

    def written(self) -> str:
        """Return the text that ``read`` reads."""
        return json.dumps([self.looked.isoformat() if self.looked else None, dict(self.said)])
