import gzip
from collections import Counter
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
import requests

from pipeline.sandbox import MONEY
from pipeline.sandbox.traffic.fixtures import NETWORKS

Rows = list[dict[str, str]]


@pytest.fixture
def calls_per_day() -> int:
    return 120


@pytest.fixture
def inbound(rows_of: Any) -> Rows:
    rows: Rows = rows_of("cdr_in")
    return rows


@pytest.fixture
def outbound(rows_of: Any) -> Rows:
    rows: Rows = rows_of("cdr_out")
    return rows


def test_inbound_money_adds_up_and_only_the_connected_attempt_carries_it(inbound: Rows) -> None:
    *parts, total = MONEY["cdr_in"]
    for row in inbound:
        assert Decimal(row[total]) == sum(Decimal(row[part]) for part in parts)
        if row["Status"] == "Failed":
            assert not Decimal(row[total])
    assert all(any(Decimal(row[name]) for row in inbound) for name in MONEY["cdr_in"])
    decimals = {len(row[total].partition(".")[2]) for row in inbound}
    assert decimals >= {0, 3, 4, 5, 6}


def test_a_rerouted_call_has_an_attempt_per_route_and_one_start(inbound: Rows) -> None:
    calls: dict[str, Rows] = {}
    for row in inbound:
        if row["Call ID"]:
            calls.setdefault(row["Call ID"], []).append(row)
    rerouted = [attempts for attempts in calls.values() if len(attempts) > 1]
    assert len(rerouted) > 50
    for attempts in rerouted:
        assert len({row["Date/Time Start (UTC)"] for row in attempts}) == 1
        assert [row["Attempt"] for row in attempts] == [str(n) for n in range(1, len(attempts) + 1)]
        assert {row["Status"] for row in attempts[:-1]} == {"Failed"}
    assert {len(attempts) for attempts in rerouted} == {2, 3}


def test_a_connected_call_lasts_from_connect_to_end(inbound: Rows, outbound: Rows) -> None:
    for row in inbound + outbound:
        seconds = int(row.get("Duration (sec)") or row["Call Duration (sec)"])
        if row["Status"] == "Failed":
            assert (seconds, row["Date/Time Connect (UTC)"]) == (0, "")
            continue
        connect, end = (
            datetime.fromisoformat(row[f"Date/Time {name} (UTC)"] + "+00:00") for name in ("Connect", "End")
        )
        assert (end - connect).total_seconds() == seconds


def test_outbound_charges_follow_the_rate_and_the_billing_steps(outbound: Rows) -> None:
    steps = {network.network: (network.first_step, network.next_step) for network in NETWORKS}
    for row in outbound:
        if row["Status"] == "Failed":
            assert not Decimal(row["Charged (USD)"])
            continue
        billed, seconds = int(row["Billing Duration (sec)"]), int(row["Call Duration (sec)"])
        first, following = steps[row["Network"]]
        assert billed >= max(first, seconds)
        assert billed - seconds < max(first, following)
        assert (billed - first) % following == 0
        exact = Decimal(row["Rate (USD)"]) * billed / 60
        charged = Decimal(row["Charged (USD)"])
        assert charged == exact.quantize(charged, ROUND_HALF_UP)
    assert {"0", "0.000"} < {row["Charged (USD)"] for row in outbound}


def test_the_rows_hold_everything_that_breaks_careless_readers(inbound: Rows, outbound: Rows) -> None:
    names = {row["Source Name"] for row in inbound}
    assert {"NA", "None", "null", "nan", "Smith, John", "=SUM(A1)", "山田太郎", "", "007"} < names
    assert any('"' in name for name in names)
    assert any(";" in name for name in names)
    assert any("\n" in name for name in names)
    sources = {row["Source"] for row in inbound}
    assert {"4", "anonymous", ""} < sources
    assert any(source.startswith("00") for source in sources)
    assert {row["Disconnect Initiator"] for row in inbound} == {"Origination", "Destination", "Switch"}
    assert {"486", "404", "480", "487", "503", "408", "603"} < {row["Disconnect Code"] for row in inbound}
    assert any(row["P-Charge-Info"].startswith("<sip:") and ";" in row["P-Charge-Info"] for row in outbound)
    for column in ("CLI", "Destination Number", "Billing Duration (sec)", "Network", "Rate (USD)", "Call ID"):
        assert any(not row[column] for row in outbound)
    assert not any(cell.startswith("+") for row in inbound for cell in (row["Source"], row["Destination DID"]))


def test_distinct_calls_can_be_identical_rows(rows_of: Any) -> None:
    window = {"from": "2026-09-01 00:00:00", "to": "2026-11-21 00:00:00"}
    rows = rows_of("cdr_in", **window)
    assert max(Counter(tuple(row.values()) for row in rows).values()) > 1


def test_empty_cells_are_spelt_in_two_ways(session: requests.Session, create: Any) -> None:
    text = gzip.decompress(session.get(create()["url"]).content).decode()
    assert ',"",' in text
    assert ",," in text
    assert "\r" not in text
    assert text.endswith("\n")


def test_offices_sleep_at_night_and_on_sunday(outbound: Rows) -> None:
    starts = [datetime.fromisoformat(row["Date/Time Start (UTC)"] + "+00:00") for row in outbound]
    hours, days = (
        Counter(start.hour for start in starts),
        Counter(start.isoweekday() for start in starts),
    )
    assert hours[10] > 10 * hours[3]
    assert days[2] > 1.5 * days[7]


def test_numbers_are_used_unevenly_and_some_not_at_all(inbound: Rows) -> None:
    used = Counter(row["Destination DID"] for row in inbound).most_common()
    assert len(used) > 20
    assert used[0][1] > 10 * used[-1][1]
