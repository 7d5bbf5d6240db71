"""What the sensor remembers from tick to tick."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Cursor:
    """When the lists were read last, and what was said of each month then, so that only news are reported."""

    looked: datetime | None
    said: Mapping[str, str]

    @classmethod
    def read(cls, text: str | None) -> "Cursor":
        """The cursor of an earlier tick; an empty one where there is none, or it is of another release."""
        try:
            looked, said = json.loads(text or "")
            return cls(datetime.fromisoformat(looked), dict(said))
        except (TypeError, ValueError):  # none yet, or another release's: the worst that can happen is news told twice
            return cls(None, {})

    def written(self) -> str:
        """The text that ``read`` reads."""
        return json.dumps([self.looked.isoformat() if self.looked else None, dict(self.said)])
