"""DIDWW in each of its versions: by month and by the second, with and without links, by key and by token."""

from collections.abc import Collection
from datetime import timedelta
from functools import partial

from pydantic import SecretStr

from pipeline.dataset import Dataset
from pipeline.export.didww import Vendor
from pipeline.export.protocol import Credentials
from pipeline.sandbox import Fault
from pipeline.sandbox.didww import Sandbox
from tests.export.dialects.case import Case

SETTING = "DIDWW_API_KEY"
CALLS_IN, CALLS_OUT, MESSAGES_IN, MESSAGES_OUT = (
    Dataset(one, "didww", one) for one in ("cdr_in", "cdr_out", "sms_in", "sms_out")
)
OF_ONE_DID = Dataset("cdr_in_support", "didww", "cdr_in", filters={"did_number": "442079460001"})
FAILED_FROM_MAIL = Dataset(
    "sms_in_failed", "didww", "sms_in", filters={"status": "Failed", "trunk_type": ["HTTP IN", "Email"]}
)

# its exports have no failed state, no limit, and addresses that do not run out
_NEVER = frozenset({Fault.FAILED, Fault.BUSY, Fault.POINTER_EXPIRED})


def client(url: str, key: str, version: str = "2026-04-16") -> Vendor:
    token_url = url.removesuffix("/v3") + "/token"
    return Vendor(Credentials(url, SecretStr(key), SETTING, version, token_url), backoff=0.0)


def _case(version: str, *datasets: Dataset, key_header: str = "Api-Key", without: Collection[Fault] = ()) -> Case:
    return Case(
        sandbox=partial(Sandbox, rows_per_day=3, version=version),
        client=partial(client, version=version),
        datasets=datasets,
        key_header=key_header,
        key_setting=SETTING,
        page=100,
        kept=timedelta(days=31),
        loop=lambda export: export.url,
        without=_NEVER.union(without),
    )


CASES = {
    "didww-2021": _case("2021-12-15", CALLS_IN, CALLS_OUT, without={Fault.ENDLESS_NEXT}),  # its pages have no links
    "didww-2022": _case("2022-05-10", CALLS_OUT, OF_ONE_DID, without={Fault.ENDLESS_NEXT}),
    "didww-2026-04": _case("2026-04-16", CALLS_IN, CALLS_OUT),
    "didww-2026-11": _case("2026-11-19", MESSAGES_OUT, FAILED_FROM_MAIL, key_header="Authorization"),
}
