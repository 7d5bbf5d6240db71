"""Connectif: pages linked to one another, files behind addresses that are minted anew on every look."""

from functools import partial

from pydantic import SecretStr

from pipeline.dataset import Dataset
from pipeline.export.connectif import Vendor
from pipeline.export.protocol import Credentials
from pipeline.sandbox import Fault
from pipeline.sandbox.connectif import Sandbox
from tests.export.dialects.case import Case

ACTIVITIES = Dataset(
    "connectif_activities",
    "connectif",
    "activities",
    fields={"id": "text", "date": "timestamptz", "type": "text", "quantity": "integer", "amount": "money"},
    window="date",
)
REPORT = Dataset(
    "connectif_sales",
    "connectif",
    "data-explorer",
    fields={"date": "timestamptz", "campaign": "text", "sent": "integer", "revenue": "money"},
    window="date",
    filters={"reportId": "65f0c0ffee0000000000aa01"},
    options={"delimiter": ";"},
)


def client(url: str, key: str) -> Vendor:
    return Vendor(Credentials(url, SecretStr(key), "CONNECTIF_API_KEY"), backoff=0.0)


CASES = {
    "connectif": Case(
        sandbox=partial(Sandbox, rows_per_day=3),
        client=client,
        datasets=(ACTIVITIES, REPORT),
        key_header="Authorization",
        key_setting="CONNECTIF_API_KEY",
        page=50,
        refused={"resource": "contacts"},
        reason="contacts",
        counted=False,
        tells_records=True,
        failed="error",
        without={Fault.CUT_GZIP, Fault.CORRUPT_CRC},
    )
}
