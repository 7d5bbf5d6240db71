"""The schema of each record type: the name, type and description of every column.

Timestamps are UTC with microseconds. Money is US dollars as DECIMAL(18,6), never a float. Phone numbers are text as
served. The headers of a vendor's files are mapped onto these names in the module of that vendor.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

import pyarrow as pa

LONGEST_CALL = timedelta(days=31)
"""The longest possible call. Connections of several days are rare but real; one of more than a month is a fault."""


class Kind(Enum):
    """The kind of a column's cells, under the word that declares it in the file of exports.

    ``TIMESTAMP`` is written in UTC without a zone, ``TIMESTAMPTZ`` with a zone. ``INTEGER`` has 64 bits. ``INT32`` is
    for control columns: the sum of any number of cells fits 64 bits. ``SECONDS`` go from 0 to ``LONGEST_CALL``.
    """

    TEXT = "text"
    TIMESTAMP = "timestamp"
    TIMESTAMPTZ = "timestamptz"
    INTEGER = "integer"
    INT32 = "int32"
    SECONDS = "seconds"
    MONEY = "money"

    @property
    def type(self) -> pa.DataType:
        """The type in the lake."""
        return _TYPES[self]


_TYPES = {
    Kind.TEXT: pa.string(),
    Kind.TIMESTAMP: pa.timestamp("us", tz="UTC"),
    Kind.TIMESTAMPTZ: pa.timestamp("us", tz="UTC"),
    Kind.INTEGER: pa.int64(),
    Kind.INT32: pa.int32(),
    Kind.SECONDS: pa.int32(),
    Kind.MONEY: pa.decimal128(18, 6),
}


@dataclass(frozen=True)
class Column:
    """One column of a record type.

    Attributes:
        name: The name in the lake.
        kind: The kind of its cells.
        about: Its description, one sentence.
        required: A row with an empty cell is rejected, because its month is unknown.
        near: The name of another time column. A time farther from it than a call can last becomes NULL.
    """

    name: str
    kind: Kind
    about: str
    required: bool = False
    near: str = ""


_STARTED = Column("started_at", Kind.TIMESTAMP, "When the call began to ring, UTC; decides its month.", required=True)
_CONNECTED = Column("connected_at", Kind.TIMESTAMP, "When it was answered, UTC; NULL if it was not.", near="started_at")
_ENDED = Column("ended_at", Kind.TIMESTAMP, "When it ended, UTC; NULL where it was left out.", near="started_at")
_STATUS = Column("status", Kind.TEXT, "The vendor's word for the outcome, such as Completed or Failed.")
_SOURCE = Column("source_number", Kind.TEXT, "The caller's number as served: leading zeros and words kept.")
_DURATION = Column("duration_seconds", Kind.SECONDS, "Connected seconds; 0 where the attempt was not answered.")
_CODE = Column("disconnect_code", Kind.TEXT, "SIP or internal code that ended the attempt.")
_REASON = Column("disconnect_reason", Kind.TEXT, "The text that came with the disconnect code.")
_TRUNK = Column("trunk_name", Kind.TEXT, "Name of the trunk, not its id: renaming a trunk starts a new name.")
_CALL_ID = Column("call_id", Kind.TEXT, "The call's id, shared by its attempts; NULL for some failed calls.")

CDR_IN = (
    _STARTED,
    _CONNECTED,
    _ENDED,
    _STATUS,
    _SOURCE,
    Column("source_name", Kind.TEXT, "The caller's name (CNAM), or the number again where no lookup was made."),
    Column("did_number", Kind.TEXT, "The dialled DID, digits without a plus."),
    _DURATION,
    Column("attempt", Kind.INT32, "Number of this routing attempt within its call, from 1."),
    _CODE,
    _REASON,
    Column("disconnect_initiator", Kind.TEXT, "Which side hung up: Origination, Destination or the vendor."),
    _TRUNK,
    Column("destination", Kind.TEXT, "Where the attempt was sent: a SIP URI or a number."),
    Column("trunk_group", Kind.TEXT, "Name of the trunk group, where there is one."),
    Column("capacity_group", Kind.TEXT, "Name of the shared capacity group, where there is one."),
    Column("toll_free_usd", Kind.MONEY, "Toll-free part of the charge, USD."),
    Column("pstn_usd", Kind.MONEY, "Charge for forwarding to the telephone network, USD."),
    Column("metered_usd", Kind.MONEY, "Charge for metered channels, USD."),
    Column("cnam_usd", Kind.MONEY, "Charge for looking up the caller's name, USD."),
    Column("total_usd", Kind.MONEY, "All charges of the attempt, USD; where a file has no total, their sum."),
    _CALL_ID,
)

CDR_OUT = (
    _STARTED,
    _CONNECTED,
    _ENDED,
    _STATUS,
    _SOURCE,
    Column("cli", Kind.TEXT, "The calling line identity that was sent on."),
    Column("destination_number", Kind.TEXT, "The dialled number as served."),
    _DURATION,
    Column("billing_seconds", Kind.SECONDS, "Seconds charged, after rounding to the billing increments."),
    _CODE,
    _REASON,
    _TRUNK,
    Column("destination_country", Kind.TEXT, "Country of the dialled number."),
    Column("network", Kind.TEXT, "Network of the dialled number."),
    Column("call_type", Kind.TEXT, "Price class: Local, International or Origin based."),
    Column("rate_usd", Kind.MONEY, "Price per minute, USD."),
    Column("charged_usd", Kind.MONEY, "What the call cost, USD."),
    Column("p_charge_info", Kind.TEXT, "The P-Charge-Info header as it was received."),
    _CALL_ID,
)

RECORD_TYPES = {"cdr_in": CDR_IN, "cdr_out": CDR_OUT}

AS_SERVED = " as served"
"""The suffix of a column's name in ``extra``, where the column does not hold the cell as served."""

# The columns that the pipeline adds to each row.
PROVENANCE = (
    pa.field("month", pa.string(), metadata={"about": "Month the export was asked for, YYYY-MM (UTC)."}),
    pa.field("export_id", pa.string(), metadata={"about": "The vendor's id of the export that held the row."}),
    pa.field("row_number", pa.int64(), metadata={"about": "The row's place in that export's file, from 1."}),
    pa.field(
        "extra",
        pa.map_(pa.string(), pa.string()),
        metadata={
            "about": "Cells of columns that this schema does not know yet; and under a column's name and 'as served' "
            "what was served where it holds something else: NULL for a zero date, six decimals of a long price."
        },
    ),
)


def schema_of(columns: Sequence[Column]) -> pa.Schema:
    """Return the Arrow schema of a table in the lake; the metadata of each field hold its description."""
    return pa.schema([*(pa.field(c.name, c.kind.type, metadata={"about": c.about}) for c in columns), *PROVENANCE])


def in_file(schema: pa.Schema) -> pa.Schema:
    """Return the schema of a table's files: without the month, which the folder tells."""
    return schema.remove(schema.get_field_index("month"))


def control_columns(columns: Sequence[Column]) -> tuple[str, ...]:
    """Return the names of the columns whose sums are control totals: first seconds, then money."""
    seconds = [c.name for c in columns if c.kind in (Kind.SECONDS, Kind.INT32) and c.name.endswith("_seconds")]
    money = [c.name for c in columns if c.kind is Kind.MONEY]
    return (*seconds, *money)


REJECTED = pa.schema(
    [
        PROVENANCE[0],
        pa.field("export_id", pa.string(), metadata={"about": "The vendor's id of the export that held the record."}),
        pa.field("row_number", pa.int64(), metadata={"about": "The record's place in the file, from 1."}),
        pa.field("line_number", pa.int64(), metadata={"about": "The line of the file on which it begins, from 1."}),
        pa.field("reason", pa.string(), metadata={"about": "What about it could not be typed."}),
        pa.field("raw_line", pa.string(), metadata={"about": "The record as served."}),
    ]
)
"""The schema of records that were not loaded. The published table adds the record type."""
