"""Every header that DIDWW's files are known to have had becomes the one schema; what is beyond it is kept."""

import gzip
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.dataset import Dataset
from pipeline.errors import PermanentError
from pipeline.export.didww_dialects import DIALECTS
from pipeline.export.protocol import Request
from pipeline.months import Month
from pipeline.normalise.convert import Converted, Origin, convert
from pipeline.normalise.didww import TABLES, table
from pipeline.sandbox import ManualClock, Sandbox
from pipeline.sandbox.didww.header_versions import header
from tests.export.dialects import didww

JUNE = Month(2017, 6)
Read = Callable[..., tuple[Converted, list[dict[str, Any]]]]

V1 = (
    "Date/Time (UTC),Source,DID,Destination,Duration (secs),Disconnect Initiator,Disconnect Code,Response,"
    "TollFree Amount (USD),Termination Amount (USD),Metered Channels Amount (USD),Customer ID,Sell Amount (Points)"
)
V2 = V1.replace("Date/Time (UTC)", "Date/Time Start (UTC),Date/Time Connect (UTC),Date/Time End (UTC)")
PANEL = V2.replace("TollFree", "Toll-free").replace("Response", "Disconnect Response").partition(",Customer ID")[0]
OUT = (
    "Time Start (UTC),Source,CLI,Destination,Duration (secs),Disconnect Code,Disconnect Reason,"
    "Rate ($USD per minute),Charged (USD),CDR Type,Country Name,Network Name,Trunk Name"
)
NEWEST = header("cdr_in", "2026-11-19")
TAIL = ("Attempt", "Disconnect Code", "Voice IN Trunk", "Destination", "Trunk Group", "Capacity Group", "Call ID")
COUNTED = ("Duration (sec)", "Toll-free (USD)", "PSTN (USD)", "Metered (USD)", "CNAM IN (USD)", "Total (USD)")


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Converts a file of that text, and reads the rows back."""

    def run(resource: str, text: str, month: Month = JUNE) -> tuple[Converted, list[dict[str, Any]]]:
        file = tmp_path / "served.csv.gz"
        file.write_bytes(gzip.compress(text.encode()))
        typed = table(Dataset("one", "didww", resource))
        said = convert(
            file, Origin(resource, month, "e-1"), typed, tmp_path / "rows.parquet", tmp_path / "rejects.parquet"
        )
        return said, [row for part in said.files for row in pq.read_table(part, partitioning=None).to_pylist()]

    return run


def filled(row: dict[str, Any]) -> dict[str, Any]:
    """What of a row is not NULL, without where it came from."""
    return {name: value for name, value in row.items() if value and name not in ("export_id", "row_number")}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_the_first_header_of_2017_is_read(read: Read) -> None:
    line = '2017-06-17 08:50:47,"",97286259413,iax:324@34234234,54,Origination,200,Bye,0.000,0.000,0.003,,0.000'
    _, (row,) = read("cdr_in", f"{V1}\n{line}\n")
    assert filled(row) == {
        "started_at": at("2017-06-17 08:50:47"),
        "did_number": "97286259413",
        "destination": "iax:324@34234234",
        "duration_seconds": 54,
        "disconnect_initiator": "Origination",
        "disconnect_code": "200",
        "disconnect_reason": "Bye",
        "metered_usd": Decimal("0.003"),
        "total_usd": Decimal("0.003"),
        "extra": [("Sell Amount (Points)", "0.000")],
    }
    assert (row["attempt"], row["toll_free_usd"]) == (None, Decimal(0))


def test_the_header_of_2018_is_read_and_the_ragged_line_of_its_recording_is_rejected(read: Read) -> None:
    whole = "2018-12-06 05:20:58,,,4,972397239159652,sip:x@didww.com,0,Destination,408,SIP timeout,0.1,0.2,0.3,,0"
    ragged = (
        "2018-12-06 05:20:58,4,972397239159652,sip:test@didww.com,0,Destination,408,SIP timeout,0.000,0.000,0.000,,0"
    )
    said, (row,) = read("cdr_in", f"{V2}\r\n{whole}\r\n{ragged}\r\n", Month(2018, 12))
    assert (said.loaded.rows, said.rejected.rows) == (1, 1)
    assert (row["source_number"], row["did_number"]) == ("4", "972397239159652")
    assert [row[name] for name in ("toll_free_usd", "pstn_usd", "metered_usd")] == [
        Decimal("0.1"),
        Decimal("0.2"),
        Decimal("0.3"),
    ]
    assert row["total_usd"] == said.text.sums["total_usd"] == Decimal("0.6")


@pytest.mark.parametrize(
    ("parts", "total"), [((".1", "", ""), "0.1"), (("", "", ""), None), (("0.000001", "1e2", "-3"), "97.000001")]
)
def test_a_file_without_a_total_has_the_sum_of_its_amounts(
    read: Read, parts: tuple[str, str, str], total: str | None
) -> None:
    line = f"2017-06-17 08:50:47,4,97286259413,sip:x,54,Origination,200,Bye,{','.join(parts)},,0.000"
    said, (row,) = read("cdr_in", f"{V1}\n{line}\n{line.replace(',Bye,', ',Bye,x')}\n")
    assert row["total_usd"] == (Decimal(total) if total else None)
    assert said.rejected.rows == 1


@pytest.mark.parametrize("destination", ["Destination", "Destination (URI)"])
def test_the_header_of_the_panel_of_2020_is_read_however_it_is_meant(read: Read, destination: str) -> None:
    times = "2017-06-06 05:20:58,2017-06-06 05:21:00,2017-06-06 05:21:30"
    cells = f"{times},4,9723,sip:x@y,30,Origination,487,Gone,0.86,0.24,0.33"
    said, (row,) = read("cdr_in", f"{PANEL.replace('Destination', destination, 1)}\n{cells}\n")
    assert said.extras == ()
    assert (row["connected_at"], row["destination"]) == (at("2017-06-06 05:21:00"), "sip:x@y")
    assert (row["disconnect_reason"], row["toll_free_usd"]) == ("Gone", Decimal("0.86"))


@pytest.mark.parametrize(
    "times", ["Time Start (UTC)", "Date/Time Start (UTC)", "Date/Time Start (UTC),Date/Time Connect (UTC)"]
)
def test_outbound_headers_of_2020_are_read_whatever_times_they_have(read: Read, times: str) -> None:
    moments = ",".join(["2017-06-06 05:20:58"] * len(times.split(",")))
    cells = f"{moments},203,4420,4930,7,200,Bye,0.012,0.0642,Origin based,Germany,O2,Voice OUT"
    said, (row,) = read("cdr_out", f"{OUT.replace('Time Start (UTC)', times, 1)}\n{cells}\n")
    assert said.extras == ()
    assert filled(row) == {
        "started_at": at("2017-06-06 05:20:58"),
        **({"connected_at": at("2017-06-06 05:20:58")} if "Connect" in times else {}),
        "source_number": "203",
        "cli": "4420",
        "destination_number": "4930",
        "duration_seconds": 7,
        "disconnect_code": "200",
        "disconnect_reason": "Bye",
        "rate_usd": Decimal("0.012"),
        "charged_usd": Decimal("0.0642"),
        "call_type": "Origin based",
        "destination_country": "Germany",
        "network": "O2",
        "trunk_name": "Voice OUT",
    }


def newest(*without: str, **renamed: str) -> str:
    """A file of version 2026-11-19 with one call, each of whose cells is told by its column."""
    cells = dict.fromkeys(NEWEST, "text") | dict.fromkeys((*COUNTED, "Attempt"), "1")
    cells |= dict.fromkeys((name for name in NEWEST if name.startswith("Date")), "2017-06-06 05:20:58")
    names = [name for name in NEWEST if name not in without]
    return ",".join(renamed.get(name, name) for name in names) + "\n" + ",".join(cells[name] for name in names) + "\n"


def test_what_version_2026_11_19_adds_is_kept(read: Read) -> None:
    said, (row,) = read("cdr_in", newest())
    assert said.extras == ("Source Number Out", "Source Country", "Source Network")
    assert row["extra"] == [(name, "text") for name in said.extras]
    assert None not in row.values()


@pytest.mark.parametrize("absent", [*TAIL, TAIL])
def test_of_what_is_not_published_of_it_any_column_that_is_not_counted_may_be_absent(
    read: Read, absent: str | tuple[str, ...]
) -> None:
    names = (absent,) if isinstance(absent, str) else absent
    _, (row,) = read("cdr_in", newest(*names))
    assert sum(value is None for value in row.values()) == len(names)
    assert (row["source_number"], row["disconnect_reason"], row["total_usd"]) == ("text", "text", Decimal(1))


@pytest.mark.parametrize("absent", COUNTED)
def test_without_a_column_that_is_counted_nothing_is_loaded(read: Read, absent: str) -> None:
    with pytest.raises(PermanentError, match=rf"has no column '{absent[:5]}.*nothing was loaded; the file is kept"):
        read("cdr_in", newest(absent))


def test_a_renamed_column_is_kept_under_its_new_name(read: Read) -> None:
    said, (row,) = read("cdr_in", newest(**{"Voice IN Trunk": "Trunk", "Call ID": "UUID"}))
    assert (row["trunk_name"], row["call_id"]) == (None, None)
    assert set(said.extras) >= {"Trunk", "UUID"}


@pytest.mark.parametrize("resource", ["cdr_in", "cdr_out"])
@pytest.mark.parametrize("at", range(19))
def test_a_file_of_2026_04_16_lacks_no_column_unnoticed(read: Read, resource: str, at: int) -> None:
    names = list(TABLES[resource].header_versions[0].required)
    names.remove(gone := names[at])
    with pytest.raises(PermanentError) as refused:
        read(resource, ",".join(names) + "\n")
    assert repr(gone) in str(refused.value)


@pytest.mark.parametrize("when", ["Date/Time (UTC)", "Date/Time Start (UTC)", "Time Start (UTC)"])
@pytest.mark.parametrize("resource", ["sms_in", "sms_out"])
def test_messages_are_typed_as_far_as_their_columns_are_known(read: Read, resource: str, when: str) -> None:
    text = f"Parts,Source Address,{when},Price,Status\n2,ACME,2017-06-06 05:20:58,0.01,Routing Error\n"
    said, (row,) = read(resource, text)
    assert filled(row) == {
        "sent_at": at("2017-06-06 05:20:58"),
        "source_address": "ACME",
        "status": "Routing Error",
        "extra": [("Parts", "2"), ("Price", "0.01")],
    }
    assert said.loaded.rows == 1


def test_messages_without_any_time_that_is_known_are_refused(read: Read) -> None:
    with pytest.raises(PermanentError, match=r"has no column 'Date/Time \(UTC\)'"):
        read("sms_in", "Sent,Status,Source Address\n2017-06-06 05:20:58,Success,ACME\n")


def test_a_resource_that_didww_does_not_export_is_told() -> None:
    with pytest.raises(PermanentError, match="has no resource 'otp'; name one of cdr_in, cdr_out, sms_in, sms_out"):
        table(Dataset("one", "didww", "otp"))


@pytest.mark.parametrize(
    ("version", "resource"), [(dialect.since, resource) for dialect in DIALECTS for resource in dialect.resources]
)
def test_what_each_version_serves_is_loaded_to_the_last_digit(read: Read, version: str, resource: str) -> None:
    clock, at_once = ManualClock(datetime(2026, 11, 21, tzinfo=UTC)), timedelta(0)
    month = Month(2026, 10)
    with Sandbox(
        calls_per_day=9, clock=clock, pending=at_once, processing=at_once, version=version, rate_limit=None, foreign=0
    ) as box:
        vendor = didww.client(box.url, box.api_key, version)
        vendor.request(Request(Dataset(resource, "didww", resource), month, month.start, month.end, "r"))
        (export,) = vendor.exports()
        text = gzip.decompress(vendor.open(export).raw.read()).decode()
        truth = box.truth_of(export.id)
    said, rows = read(resource, text, month)
    known = TABLES[resource].header_versions[0].required
    assert (said.loaded.rows, said.rejected.rows, said.outside_month) == (truth.rows, 0, 0)
    assert sum(row.get("duration_seconds", 0) for row in rows) == truth.seconds
    money = dict(truth.money)
    if "Total (USD)" in money:  # which old files do not have
        money["Total (USD)"] = sum((total for name, total in money.items() if name != "Total (USD)"), Decimal(0))
    for name, total in money.items():
        assert sum(row[known[name]] or 0 for row in rows) == total
