"""PackageX as the contract sees it."""

from datetime import timedelta
from functools import partial

from pydantic import SecretStr

from pipeline.dataset import Dataset
from pipeline.export.packagex import Vendor
from pipeline.export.protocol import Credentials
from pipeline.sandbox import Fault
from pipeline.sandbox.packagex import Sandbox
from tests.export.dialects.case import Case

SETTING = "PACKAGEX_API_KEY"
SHIPMENTS = Dataset(
    name="packagex_shipment",
    vendor="packagex",
    resource="shipment",
    fields={
        "id": "text",
        "tracking_number": "text",
        "recipient_name": "text",
        "weight": "money",
        "pieces": "integer",
        "created_at": "timestamp",
        "updated_at": "timestamp",
    },
    window="created_at",
)
CONTACTS = Dataset(
    name="packagex_contact",
    vendor="packagex",
    resource="contact",
    fields={"id": "text", "name": "text", "updated_at": "timestamp"},
    window="updated_at",
    filters={"group_id": "grp_1"},
)


def client(url: str, key: str) -> Vendor:
    return Vendor(Credentials(url, SecretStr(key), SETTING), backoff=0.0)


CASES = {
    "packagex": Case(
        sandbox=partial(Sandbox, rows_per_day=3),
        client=client,
        datasets=(SHIPMENTS, CONTACTS),
        key_header="PX-API-KEY",
        key_setting=SETTING,
        page=100,
        kept=timedelta(hours=24),
        refused={"resource": "nonsense"},
        reason="resource must be one of",
        tells_records=True,
        failed="timed_out",
        # no limit of exports is documented, the file is plain, and its address stands in no list
        without={Fault.BUSY, Fault.CUT_GZIP, Fault.CORRUPT_CRC, Fault.WITHOUT_URL},
    )
}
