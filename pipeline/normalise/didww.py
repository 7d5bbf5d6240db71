"""The tables of DIDWW's files, one for each record type.

The API version that created an export decides the columns of its file. So the header row is read, not the date.
"""

from pipeline.dataset import Dataset
from pipeline.errors import PermanentError
from pipeline.normalise.didww_headers import HEADER_VERSIONS
from pipeline.normalise.schema import CDR_IN, CDR_OUT, Column, Kind
from pipeline.normalise.table import Table

_SMS = (
    Column("sent_at", Kind.TIMESTAMP, "When the message was sent or came in, UTC; decides its month.", required=True),
    Column("status", Kind.TEXT, "The vendor's word for what became of it, such as Success, Failed or Queued."),
    Column("source_address", Kind.TEXT, "Who sent it, as served: a number or a name."),
    Column("destination_address", Kind.TEXT, "Who it was sent to, as served."),
    Column("trunk_name", Kind.TEXT, "Name of the SMS trunk, where the file has it."),
    Column("sms_id", Kind.TEXT, "The message's id at the vendor."),
)
SMS_IN = (*_SMS, Column("trunk_type", Kind.TEXT, "How it was handed on: SMPP SMSC, SMPP ESME, Email or HTTP IN."))
SMS_OUT = (
    *_SMS,
    Column("service_type", Kind.TEXT, "Sent by a person or by an application: P2P or A2P."),
    Column("sender_id_verification", Kind.TEXT, "The verification of the sender's name, where one was needed."),
)

TABLES = {
    "cdr_in": Table(
        CDR_IN,
        HEADER_VERSIONS["cdr_in"],
        timestamp="started_at",
        money="total_usd",
        natural_key=("call_id", "attempt"),
        fallback_key=("started_at", "source_number"),
        sums={"total_usd": ("toll_free_usd", "pstn_usd", "metered_usd", "cnam_usd")},
    ),
    "cdr_out": Table(
        CDR_OUT,
        HEADER_VERSIONS["cdr_out"],
        timestamp="started_at",
        money="charged_usd",
        natural_key=("call_id",),
        fallback_key=("started_at", "source_number"),
    ),
    "sms_in": Table(SMS_IN, HEADER_VERSIONS["sms_in"], timestamp="sent_at", natural_key=("sms_id",)),
    "sms_out": Table(SMS_OUT, HEADER_VERSIONS["sms_out"], timestamp="sent_at", natural_key=("sms_id",)),
}


def table(dataset: Dataset) -> Table:
    """Return the table of a record type; raises ``PermanentError`` for a resource that DIDWW does not export."""
    if dataset.resource not in TABLES:
        raise PermanentError(
            f"Export {dataset.name}: DIDWW has no resource {dataset.resource!r}; name one of {', '.join(TABLES)}."
        )
    return TABLES[dataset.resource]
