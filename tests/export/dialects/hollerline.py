"""The vendor of docs/adding-a-vendor.md as the contract sees it: its files are those that the page shows."""

from datetime import timedelta
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import SecretStr

from pipeline.dataset import Dataset
from pipeline.export.protocol import Credentials, ExportVendor
from tests.export.dialects.case import Case
from tests.worked_example.hollerline import Sandbox
from tests.worked_example.page import installed

CALLS = Dataset(
    "hollerline_calls",
    "hollerline",
    "calls",
    fields={
        "id": "text",
        "started_at": "timestamptz",
        "caller": "text",
        "toll_free_number": "text",
        "duration_seconds": "integer",
        "charge_usd": "money",
    },
    window="started_at",
)
SURCHARGES = Dataset(
    "hollerline_surcharges",
    "hollerline",
    "payphone_surcharges",
    fields={"id": "text", "billed_at": "timestamptz", "surcharge_usd": "money"},
    window="billed_at",
    filters={"toll_free_number": "18005550100"},
)


@cache
def _module() -> Any:
    with TemporaryDirectory() as folder, installed(Path(folder)):
        return import_module("pipeline.export.hollerline")


def client(url: str, key: str) -> ExportVendor:
    made: ExportVendor = _module().Vendor(Credentials(url, SecretStr(key), "HOLLERLINE_API_KEY"), backoff=0.0)
    return made


CASES = {
    "hollerline": Case(
        sandbox=partial(Sandbox, rows_per_day=3),
        client=client,
        datasets=(CALLS, SURCHARGES),
        key_header="X-Api-Key",
        key_setting="HOLLERLINE_API_KEY",
        page=50,
        kept=timedelta(days=7),
        failed="broken",
    )
}
