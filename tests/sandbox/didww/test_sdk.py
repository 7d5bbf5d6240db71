"""The vendor's own client cannot tell the sandbox from the vendor."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from didww.client import DidwwClient
from didww.enums import CallbackMethod, ExportStatus, ExportType
from didww.exceptions import DidwwApiError
from didww.query_params import QueryParams
from didww.resources.export import Export

from pipeline.sandbox import ManualClock, Sandbox

SEPTEMBER = {"from": "2026-09-01 00:00:00", "to": "2026-10-01 00:00:00"}


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[DidwwClient]:
    made = DidwwClient(sandbox.api_key, base_url=sandbox.url)
    yield made
    made._session.close()


def new_export(reference: str | None = None) -> Export:
    export = Export()
    export.export_type = ExportType.CDR_IN
    export.filters = dict(SEPTEMBER)
    if reference:
        export.external_reference_id = reference
    return export


def test_it_creates_an_export(client: DidwwClient, clock: ManualClock) -> None:
    export = new_export("cdr_in/2026-09")
    export.callback_url = "http://10.201.10.1/test.php"
    export.callback_method = CallbackMethod.GET
    response = client.exports().create(export)
    assert response.meta == {"api_version": "2026-04-16"}
    created = response.data
    assert created.is_pending
    assert created.url is None
    assert created.created_at == clock()
    assert created.export_type is ExportType.CDR_IN
    assert created.filters == SEPTEMBER
    assert created.external_reference_id == "cdr_in/2026-09"
    assert created.callback_method is CallbackMethod.GET


def test_it_lists_every_page_and_understands_every_export(client: DidwwClient) -> None:
    client.exports().create(new_export())
    listed = []
    for number in (1, 2, 3):
        page = client.exports().list(QueryParams().page(number, 10).sort("-created_at"))
        listed += page.data
        assert page.meta["total_records"] == 25
    assert len({export.id for export in listed}) == 25
    assert {export.status for export in listed} <= set(ExportStatus)


def test_it_finds_an_export_by_its_reference(client: DidwwClient) -> None:
    created = client.exports().create(new_export("cdr_in/2026-09")).data
    found = client.exports().list(QueryParams().filter("external_reference_id", "cdr_in/2026-09"))
    assert [export.id for export in found.data] == [created.id]


def test_it_updates_and_clears_a_reference(client: DidwwClient) -> None:
    export = client.exports().create(new_export()).data
    export.external_reference_id = "renamed-ref-99"
    assert client.exports().update(export).data.external_reference_id == "renamed-ref-99"
    export.external_reference_id = None
    assert client.exports().update(export).data.external_reference_id is None


def test_it_downloads_and_decompresses_the_file(client: DidwwClient, sandbox: Sandbox, tmp_path: Path) -> None:
    export = client.exports().find(client.exports().create(new_export()).data.id).data
    assert export.is_completed
    client.download_export(export.url, tmp_path / "september.csv.gz")
    assert (tmp_path / "september.csv.gz").read_bytes()[:2] == b"\x1f\x8b"
    client.download_and_decompress_export(export.url, tmp_path / "september.csv")
    header = (tmp_path / "september.csv").read_text().splitlines()[0]
    assert header.startswith("Date/Time Start (UTC),Date/Time Connect (UTC)")
    assert sandbox.truth("cdr_in", datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC)).rows


def test_it_understands_the_errors(client: DidwwClient, sandbox: Sandbox) -> None:
    with pytest.raises(DidwwApiError, match="could not be found") as missing:
        client.exports().find("21e02b15-806d-44b3-b67f-434ea6c44f61")
    assert missing.value.status_code == 404
    early = new_export()
    early.filters = {"from": "2019-01-01 00:00:00", "to": "2019-01-31 23:59:59"}
    with pytest.raises(DidwwApiError, match="current and 2 previous months") as refused:
        client.exports().create(early)
    assert refused.value.status_code == 422
    stranger = DidwwClient("wrong", base_url=sandbox.url)
    with pytest.raises(DidwwApiError, match="Authorization failed") as shut_out:
        stranger.exports().list()
    assert shut_out.value.status_code == 401
    stranger._session.close()
