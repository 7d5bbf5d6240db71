"""Rebilly: a bare array counted in headers, files behind the core API, which redirects to a signed address."""

from functools import partial

from pydantic import SecretStr

from pipeline.dataset import Dataset
from pipeline.export.protocol import Credentials
from pipeline.export.rebilly import Vendor
from pipeline.sandbox import Fault
from pipeline.sandbox.rebilly import Sandbox
from tests.export.dialects.case import Case

TRANSACTIONS = Dataset(
    "rebilly_transactions",
    "rebilly",
    "transactions",
    fields={
        "id": "text",
        "processedTime": "timestamptz",
        "type": "text",
        "retryNumber": "integer",
        "amount": "money",
    },
    window="processedTime",
)
CUSTOMERS = Dataset(
    "rebilly_customers",
    "rebilly",
    "customers",
    fields={"id": "text", "createdTime": "timestamptz", "averageValue/amount": "money"},
    window="createdTime",
    filters={"filter": "status:active"},
    options={"format": "detailed-csv"},
)


def client(url: str, key: str) -> Vendor:
    return Vendor(Credentials(url, SecretStr(key), "REBILLY_API_KEY"), backoff=0.0)


CASES = {
    "rebilly": Case(
        sandbox=partial(Sandbox, rows_per_day=3),
        client=client,
        datasets=(TRANSACTIONS, CUSTOMERS),
        key_header="REB-APIKEY",
        key_setting="REBILLY_API_KEY",
        page=1000,
        reach=2000,
        refused={"resource": "nonsense"},
        reason="resource",
        tells_records=True,
        failed="failed",
        loop=lambda export: export.url,
        without={Fault.BUSY, Fault.ENDLESS_NEXT, Fault.CUT_GZIP, Fault.CORRUPT_CRC},
    )
}
