"""The filters of an export beside its window: the records that each keeps, and its valid values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pipeline.sandbox.traffic.columns import CDR_IN, CDR_OUT, COLUMNS, SMS_IN, SMS_OUT
from pipeline.sandbox.traffic.fixtures import trunk_id
from pipeline.sandbox.traffic.messages import STATUSES, TRUNK_TYPES
from pipeline.sandbox.traffic.origins import delivered, iso_code
from pipeline.sandbox.traffic.record import Cells

RowFilters = Mapping[str, object]


@dataclass(frozen=True)
class Filter:
    """One filter.

    Args:
        column: The column whose cell is compared.
        read: Makes of the cell what is compared.
        part: Whether the cell may contain the value instead of being equal.
        many: Whether the value may be a list.
        words: The valid values; empty for any.
    """

    column: str
    read: Callable[[str], str] = str
    part: bool = False
    many: bool = False
    words: tuple[str, ...] = ()

    def takes(self, value: object) -> bool:
        """Return whether the value is valid."""
        values = value if self.many and isinstance(value, list) and value else [value]
        return all(isinstance(one, str) and one and (not self.words or one in self.words) for one in values)

    def keeps(self, cell: str, value: object) -> bool:
        """Return whether the filter keeps a record with this cell."""
        values = value if isinstance(value, list) else [value]
        return any(one in self.read(cell) if self.part else one == self.read(cell) for one in map(str, values))


_MESSAGES = {
    "source_address_eq": Filter("Source Address"),
    "source_address_cont": Filter("Source Address", part=True),
    "destination_address_eq": Filter("Destination Address"),
    "destination_address_cont": Filter("Destination Address", part=True),
    "sms_trunk.id": Filter("SMS Trunk", trunk_id, many=True),
    "sms_id": Filter("SMS ID"),
}

FILTERS: dict[str, dict[str, Filter]] = {
    CDR_IN: {
        "did_number": Filter("Destination DID"),
        "source_number": Filter("Source"),
        "source_number_out": Filter("Source", delivered),
        "source_country_iso": Filter("Source", iso_code),
    },
    CDR_OUT: {
        "voice_out_trunk.id": Filter("Voice OUT Trunk", trunk_id),
        "source": Filter("Source"),
        "cli": Filter("CLI"),
        "destination": Filter("Destination Number"),
    },
    SMS_IN: {
        **_MESSAGES,
        "status": Filter("Status", words=STATUSES[SMS_IN]),
        "trunk_type": Filter("Trunk Type", many=True, words=TRUNK_TYPES),
    },
    SMS_OUT: {
        **_MESSAGES,
        "status": Filter("Status", words=STATUSES[SMS_OUT]),
        "service_type": Filter("Service Type", str.lower, words=("p2p", "a2p", "P2P", "A2P")),
        "sender_id_verification.id": Filter("Sender ID Verification", many=True),
    },
}


def row_predicate(export_type: str, row_filters: RowFilters) -> Callable[[Cells], bool]:
    """Return a function that says of a record's cells whether the filters keep it."""
    chosen = [
        (COLUMNS[export_type].index(one.column), one, value)
        for one, value in ((FILTERS[export_type][name], value) for name, value in row_filters.items())
    ]
    return lambda cells: all(one.keeps(cells[at], value) for at, one, value in chosen)
