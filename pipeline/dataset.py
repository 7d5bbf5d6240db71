"""A dataset: one export that is requested for each month, and the table of its rows."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256

_FIRST_NAMES = {"timestamp": "instant", "timestamptz": "zoned_instant"}
"""The first names of the kinds of fields that were renamed."""


class Companion(StrEnum):
    """A further file of an export, with records that its vendor kept out of the file of records.

    ``SANITIZED``: records that may be malicious. ``ERRORS``: records that failed at the vendor.
    """

    SANITIZED = "sanitized"
    ERRORS = "errors"


@dataclass(frozen=True)
class Dataset:
    """One export that is requested from a vendor for each month.

    Attributes:
        name: The name of its table.
        vendor: The name of the vendor's modules in ``export`` and in ``normalise``.
        resource: The vendor's name of what is exported.
        fields: The columns to request, each with the kind of its cells: ``text``, ``timestamp``, ``timestamptz``,
            ``integer``, ``int32``, ``seconds`` or ``money``.
        window: The field that decides the month of a row.
        filters: Which rows to request, in the vendor's words.
        options: The form of the file, in the vendor's words.
        personal: The columns with personal data.
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
