"""What is asked for every month: one export definition, whose rows become one table."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256


class Companion(StrEnum):
    """A further file of an export: the records that its vendor kept out of the file of records.

    ``SANITIZED`` ones were left out as possibly malicious, ``ERRORS`` are those that failed there.
    """

    SANITIZED = "sanitized"
    ERRORS = "errors"


@dataclass(frozen=True)
class Dataset:
    """One export that a vendor is asked for each month, and the table ``name`` that it becomes.

    ``vendor`` is the module in ``export`` and in ``normalise`` that speaks for it, ``resource`` its own word for what
    is exported. ``fields`` are the columns to ask for where it can be told, each with the kind of its cells (``text``,
    ``instant``, ``zoned_instant``, ``integer``, ``int32``, ``seconds``, ``money``), and ``window`` is the one that
    decides the month. ``filters`` narrow the rows and ``options`` shape the file, both in the vendor's own words.
    ``personal`` are the columns that show who somebody is.
    """

    name: str
    vendor: str
    resource: str
    fields: Mapping[str, str] = field(default_factory=dict)
    window: str = ""
    filters: Mapping[str, object] = field(default_factory=dict)
    options: Mapping[str, object] = field(default_factory=dict)
    personal: frozenset[str] = frozenset()

    @property
    def print(self) -> str:
        """What tells it from a dataset of the same name that asks for something else."""
        asked = [self.resource, dict(self.fields), self.window, dict(self.filters), dict(self.options)]
        return sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()[:16]
