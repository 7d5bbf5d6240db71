"""What is asked for every month: one export definition, whose rows become one table."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256

_FIRST_NAMES = {"timestamp": "instant", "timestamptz": "zoned_instant"}
"""The kinds of fields that were renamed."""


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
    ``timestamp``, ``timestamptz``, ``integer``, ``int32``, ``seconds``, ``money``), and ``window`` is the one that
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
    def fingerprint(self) -> str:
        """A hash that differs between datasets of the same name with different requests.

        The archive keeps it, so it must never change: a kind of field goes in under the first name that it had.
        """
        fields = {name: _FIRST_NAMES.get(kind, kind) for name, kind in self.fields.items()}
        request = [self.resource, fields, self.window, dict(self.filters), dict(self.options)]
        return sha256(json.dumps(request, sort_keys=True, default=str).encode()).hexdigest()[:16]
