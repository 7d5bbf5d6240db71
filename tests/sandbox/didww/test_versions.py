"""Four versions of one API: what is served, how it is asked, what it shows, and which columns its files have."""

import csv
import gzip
import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests

from pipeline.sandbox import COLUMNS, DURATION, ManualClock, Sandbox, trunk_id

KEY = "k-7f3"
MEDIA = "application/vnd.api+json"
OLD = ("2021-12-15", "2022-05-10")
NEWEST = "2026-11-19"
SEPTEMBER = datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC)
SPAN = {"from": "2026-09-01 00:00:00", "to": "2026-10-01 00:00:00"}
MONTH = {"year": "2026", "month": "9"}


class Account:
    """A sandbox of one version, and a client that is let into it."""

    def __init__(self, sandbox: Sandbox, session: requests.Session, version: str) -> None:
        self.sandbox, self.session = sandbox, session
        self.window = MONTH if version in OLD else SPAN
        if version == NEWEST:
            made = requests.post(
                sandbox.token_url, json={"aud": "api.didww.com"}, headers={"Api-Key": KEY}, timeout=10
            ).json()
            session.headers["Authorization"] = f"Bearer {made['access_token']}"
        else:
            session.headers["Api-Key"] = KEY

    def post(self, export_type: str, filters: dict[str, Any] | None = None, **attributes: Any) -> requests.Response:
        wanted = {"export_type": export_type, "filters": self.window | (filters or {}), **attributes}
        data = {"data": {"type": "exports", "attributes": wanted}}
        return self.session.post(f"{self.sandbox.url}/exports", json=data, headers={"Content-Type": MEDIA})

    def create(self, export_type: str, filters: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = self.post(export_type, filters)
        assert answer.status_code == 201, answer.text
        shown = self.session.get(f"{self.sandbox.url}/exports/{answer.json()['data']['id']}").json()["data"]
        return {"id": shown["id"], **shown["attributes"]}

    def rows(self, export: dict[str, Any]) -> list[dict[str, str]]:
        text = gzip.decompress(self.session.get(export["url"]).content).decode()
        return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))

    def listed(self, query: str = "") -> dict[str, Any]:
        answer = self.session.get(f"{self.sandbox.url}/exports{query}")
        assert answer.status_code == 200, answer.text
        content: dict[str, Any] = answer.json()
        return content


@pytest.fixture
def account(clock: ManualClock) -> Iterator[Callable[[str], Account]]:
    with ExitStack() as running:

        def opened(version: str) -> Account:
            at_once: dict[str, Any] = {"pending": timedelta(0), "processing": timedelta(0), "rate_limit": None}
            box = Sandbox(calls_per_day=12, clock=clock, api_key=KEY, version=version, **at_once)
            return Account(running.enter_context(box), running.enter_context(requests.Session()), version)

        yield opened


@pytest.mark.parametrize(
    ("default", "asked", "served"),
    [
        ("2026-04-16", None, "2026-04-16"),
        ("2026-04-16", "2022-05-10", "2026-04-16"),
        ("2026-04-16", "yesterday", "2026-04-16"),
        ("2026-04-16", "2026-10-22", "2026-04-16"),
        ("2021-12-15", "2022-05-10", "2022-05-10"),
        ("2022-05-10", "2026-04-16", "2026-04-16"),
    ],
)
def test_a_version_can_only_be_asked_to_be_newer(
    account: Callable[[str], Account], default: str, asked: str | None, served: str
) -> None:
    of = account(default)
    if asked:
        of.session.headers["X-DIDWW-API-Version"] = asked
    assert of.listed()["meta"]["api_version"] == served


def test_the_key_asks_for_the_newest_version_in_vain(account: Callable[[str], Account]) -> None:
    of = account("2026-04-16")
    answer = of.session.get(f"{of.sandbox.url}/exports", headers={"X-DIDWW-API-Version": NEWEST})
    assert (answer.status_code, answer.content) == (401, b"")


def test_an_account_can_be_upgraded_and_not_the_other_way(account: Callable[[str], Account]) -> None:
    of = account("2022-05-10")
    of.sandbox.upgrade("2026-04-16")
    assert of.listed()["meta"]["api_version"] == "2026-04-16"
    of.sandbox.upgrade("2021-12-15")
    assert of.listed()["meta"]["api_version"] == "2026-04-16"
    with pytest.raises(ValueError, match="no version 2030-01-01; there are 2021-12-15"):
        of.sandbox.upgrade("2030-01-01")


@pytest.mark.parametrize("version", OLD)
def test_old_versions_say_less_and_in_capitals(account: Callable[[str], Account], version: str) -> None:
    of = account(version)
    made = of.post("cdr_in", callback_url="http://127.0.0.1/x", callback_method="GET").json()
    assert set(made["data"]["attributes"]) == {
        "status",
        "created_at",
        "url",
        "callback_url",
        "callback_method",
        "export_type",
    }
    assert (made["data"]["attributes"]["status"], made["data"]["attributes"]["callback_method"]) == ("Pending", "GET")
    content = of.listed()
    assert "links" not in content
    assert content["meta"] == {"total_records": 25, "api_version": version}
    assert {export["attributes"]["status"] for export in content["data"]} <= {"Pending", "Processing", "Completed"}
    of.sandbox.upgrade("2026-04-16")
    attributes = of.listed(f"?filter[id]={made['data']['id']}")["data"][0]["attributes"]
    assert (attributes["status"], attributes["callback_method"]) == ("completed", "get")
    assert (attributes["filters"], attributes["external_reference_id"]) == (MONTH, None)


@pytest.mark.parametrize(
    ("filters", "status", "says"),
    [
        ({"year": 2026, "month": 9}, 201, ""),
        ({"year": "2026", "month": "09"}, 201, ""),
        ({"month": "11"}, 201, ""),
        ({"day": "30"}, 201, ""),
        ({"day": "31"}, 422, "day not valid"),
        ({"month": "8"}, 422, "month must be within the current and 2 previous months"),
        ({"month": "12"}, 422, "month must be within the current and 2 previous months"),
        ({"month": "13"}, 422, "month not valid"),
        ({"month": ""}, 422, "month not valid"),
        ({"year": None}, 422, "year not valid"),
        ({"from": "2026-09-01 00:00:00"}, 400, "from is not allowed."),
        ({"did_number": "1"}, 400, "did_number is not allowed."),
    ],
)
def test_old_versions_have_years_and_months(
    account: Callable[[str], Account], filters: dict[str, Any], status: int, says: str
) -> None:
    answer = account("2022-05-10").post("cdr_out", filters)
    assert (answer.status_code, says in answer.text) == (status, True)


@pytest.mark.parametrize("version", OLD)
def test_a_day_is_for_outbound_calls_alone(account: Callable[[str], Account], version: str) -> None:
    of = account(version)
    assert of.post("cdr_in", {"day": "3"}).status_code == 400
    starts = {row["Time Start (UTC)"][:10] for row in of.rows(of.create("cdr_out", {"day": "3"}))}
    assert starts == {"2026-09-03"}


@pytest.mark.parametrize("version", OLD)
@pytest.mark.parametrize("attributes", [{"external_reference_id": "x"}, {"callback_method": "get"}])
def test_old_versions_take_no_reference_and_no_small_letters(
    account: Callable[[str], Account], version: str, attributes: dict[str, Any]
) -> None:
    of = account(version)
    assert of.post("cdr_in", **attributes).status_code in (400, 422)
    made = of.create("cdr_in")["id"]
    assert of.session.patch(f"{of.sandbox.url}/exports/{made}", data=b"{}").status_code == 404
    assert of.session.get(f"{of.sandbox.url}/exports?filter[id]={made}").status_code == 400


def test_a_running_month_of_an_old_version_is_what_has_come_of_it(
    account: Callable[[str], Account], clock: ManualClock
) -> None:
    of = account("2022-05-10")
    made = of.create("cdr_in", {"month": "11"})
    whole = of.sandbox.truth("cdr_in", datetime(2026, 11, 1, tzinfo=UTC), clock())
    assert of.sandbox.truth_of(made["id"]).rows == len(of.rows(made)) == whole.rows > 0
    clock.advance(timedelta(days=2))
    assert of.sandbox.truth_of(made["id"]).rows == whole.rows


@pytest.mark.parametrize("export_type", ["cdr_in", "cdr_out"])
@pytest.mark.parametrize("version", [*OLD, "2026-04-16", NEWEST])
def test_a_file_has_the_columns_of_the_version_that_created_it_whoever_fetches_it(
    account: Callable[[str], Account], version: str, export_type: str
) -> None:
    of = account(version)
    made = of.create(export_type)
    of.sandbox.upgrade(NEWEST)
    rows = of.rows(made)
    truth = of.sandbox.truth_of(made["id"])
    seconds = next(name for name in ("Duration (secs)", DURATION[export_type]) if name in rows[0])
    assert (len(rows), sum(int(row[seconds]) for row in rows)) == (truth.rows, truth.seconds)
    charged = "Charged (USD)" if export_type == "cdr_out" else "Total (USD)"
    assert sum(Decimal(row.get(charged) or 0) for row in rows) == truth.money[charged]
    assert (len(rows[0]) == 13) == (version in OLD)
    assert (tuple(rows[0]) == COLUMNS[export_type]) == (
        version == "2026-04-16" or (version, export_type) == (NEWEST, "cdr_out")
    )


def test_the_newest_version_tells_where_a_caller_is(account: Callable[[str], Account]) -> None:
    of = account(NEWEST)
    rows = of.rows(of.create("cdr_in"))
    assert tuple(rows[0])[:10] == (
        "Date/Time Start (UTC)",
        "Date/Time Connect (UTC)",
        "Date/Time End (UTC)",
        "Status",
        "Source Number",
        "Source Number Out",
        "Source Name",
        "Source Country",
        "Source Network",
        "Destination DID",
    )
    told = {row["Source Number"]: (row["Source Number Out"], row["Source Country"]) for row in rows}
    assert told["anonymous"] == ("anonymous", "")
    assert {out for number, (out, _) in told.items() if number.startswith("00442")} <= {
        number.removeprefix("00") for number in told
    }
    assert {"United Kingdom", "Germany", "Israel"} <= {country for _, country in told.values()}


@pytest.mark.parametrize(
    ("export_type", "column", "name"),
    [
        ("cdr_in", "Destination DID", "did_number"),
        ("cdr_in", "Source Number", "source_number"),
        ("cdr_in", "Source Number Out", "source_number_out"),
        ("cdr_out", "Source", "source"),
        ("cdr_out", "CLI", "cli"),
        ("cdr_out", "Destination Number", "destination"),
        ("sms_in", "Source Address", "source_address_eq"),
        ("sms_in", "Status", "status"),
        ("sms_in", "SMS ID", "sms_id"),
        ("sms_in", "Trunk Type", "trunk_type"),
        ("sms_out", "Destination Address", "destination_address_eq"),
        ("sms_out", "Service Type", "service_type"),
        ("sms_out", "Sender ID Verification", "sender_id_verification.id"),
    ],
)
def test_each_filter_of_the_newest_version_leaves_what_it_names(
    account: Callable[[str], Account], export_type: str, column: str, name: str
) -> None:
    of = account(NEWEST)
    rows = of.rows(of.create(export_type))
    value = next(row[column] for row in rows[len(rows) // 2 :] if row[column])
    made = of.create(export_type, {name: value.lower() if name == "service_type" else value})
    assert of.rows(made) == [row for row in rows if row[column] == value] != []
    assert made["filters"][name] in (value, value.lower())
    assert of.sandbox.truth(export_type, *SEPTEMBER, {name: made["filters"][name]}) == of.sandbox.truth_of(made["id"])


def test_filters_of_the_newest_version_take_lists_parts_and_trunks(account: Callable[[str], Account]) -> None:
    of = account(NEWEST)
    rows = of.rows(of.create("sms_in"))
    kinds = ["Email", "HTTP IN"]
    assert of.rows(of.create("sms_in", {"trunk_type": kinds})) == [row for row in rows if row["Trunk Type"] in kinds]
    part = of.rows(of.create("sms_in", {"source_address_cont": "4420"}))
    assert part == [row for row in rows if "4420" in row["Source Address"]] != []
    trunk = of.rows(of.create("sms_in", {"sms_trunk.id": [trunk_id("SMS Trunk HQ")]}))
    assert trunk == [row for row in rows if row["SMS Trunk"] == "SMS Trunk HQ"] != []
    british = of.rows(of.create("cdr_in", {"source_country_iso": "GB"}))
    assert {row["Source Country"] for row in british} == {"United Kingdom"}


@pytest.mark.parametrize(
    ("export_type", "filters", "status"),
    [
        ("sms_in", {"status": "In Progress"}, 422),
        ("sms_out", {"status": "In Progress"}, 201),
        ("sms_in", {"trunk_type": "Pigeon"}, 422),
        ("sms_in", {"trunk_type": ["Email", "Pigeon"]}, 422),
        ("sms_in", {"trunk_type": []}, 422),
        ("sms_in", {"source_address_eq": ""}, 422),
        ("sms_in", {"service_type": "p2p"}, 400),
        ("sms_out", {"service_type": "x2y"}, 422),
        ("cdr_in", {"did_number": ["1", "2"]}, 422),
        ("cdr_in", {"cli": "1"}, 400),
        ("fax_in", {}, 422),
    ],
)
def test_a_filter_that_cannot_be_is_refused(
    account: Callable[[str], Account], export_type: str, filters: dict[str, Any], status: int
) -> None:
    assert account(NEWEST).post(export_type, filters).status_code == status


def test_a_callback_of_the_newest_version_needs_both_its_halves(account: Callable[[str], Account]) -> None:
    of = account(NEWEST)
    assert of.post("cdr_in", callback_url="http://127.0.0.1/x").status_code == 422
    assert of.post("cdr_in", callback_method="get").status_code == 422
    assert of.post("cdr_in", callback_url="http://127.0.0.1/x", callback_method="get").status_code == 201


def test_the_newest_list_can_be_narrowed_by_status_type_and_creation(
    account: Callable[[str], Account], clock: ManualClock
) -> None:
    of = account(NEWEST)
    clock.advance(timedelta(minutes=10))
    made = [of.create(one)["id"] for one in ("sms_in", "sms_out", "cdr_in")]

    def ids(query: str) -> set[str]:
        return {export["id"] for export in of.listed(f"?page[size]=100&{query}")["data"]}

    assert ids("filter[created_at_gteq]=2026-11-21T08:05:00Z") == set(made)
    assert ids("filter[created_at_gteq]=2026-11-21 08:10:00&filter[export_type]=sms_in,cdr_in") == {made[0], made[2]}
    assert not ids("filter[created_at_lteq]=2026-11-21T08:05:00Z") & set(made)
    assert ids("filter[status]=completed") >= set(made)
    assert not ids("filter[status]=pending,processing") & set(made)
    assert of.session.get(f"{of.sandbox.url}/exports?filter[created_at_gteq]=soon").status_code == 400
    assert of.session.get(f"{of.sandbox.url}/exports?page[size]=101").status_code == 400
