"""What all local vendors but DIDWW's have in common, shown on PackageX's."""

import csv
import gzip
import io
import json
import re
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from pipeline.months import Month
from pipeline.sandbox import Fault, ManualClock, Operation
from pipeline.sandbox.account import Draft
from pipeline.sandbox.files.csvfile import Shape
from pipeline.sandbox.files.sheet import Sheet
from pipeline.sandbox.packagex import Sandbox
from pipeline.sandbox.traffic.rows import Records, Row

KEY = "k-7f3"
OCTOBER = Month(2026, 10)
COLUMNS = ("id", "recipient_name", "weight", "pieces", "created_at")
BODY = {
    "resource": "shipment",
    "options": {"limit": "all", "created_at": "gte:2026-10-01"},
    "csv_field_options": {
        "timezone": "UTC",
        "datetime_format": "yyyy-MM-dd HH:mm:ss",
        "columns": dict.fromkeys(COLUMNS, True),
    },
}
FIELDS = {"id": "id", "name": "text", "at": "timestamp", "count": "integer", "amount": "money", "later": "timestamp"}


@pytest.fixture
def sandbox(clock: ManualClock) -> Iterator[Sandbox]:
    at_once: dict[str, Any] = {"pending": timedelta(0), "processing": timedelta(0), "rate_limit": None}
    with Sandbox(clock=clock, api_key=KEY, rows_per_day=5, **at_once) as running:
        yield running


def create(sandbox: Sandbox, session: requests.Session) -> requests.Response:
    return session.post(f"{sandbox.url}/exports", json=BODY)


def show(sandbox: Sandbox, session: requests.Session, export_id: str) -> dict[str, Any]:
    shown: dict[str, Any] = session.get(f"{sandbox.url}/exports/{export_id}?include_csv=true").json()["data"]
    return shown


@pytest.fixture
def mine(sandbox: Sandbox, session: requests.Session) -> str:
    return str(create(sandbox, session).json()["data"]["id"])


@pytest.fixture
def address(sandbox: Sandbox, session: requests.Session, mine: str) -> str:
    return str(show(sandbox, session, mine)["_csv_url"])


def ids(sandbox: Sandbox, session: requests.Session) -> list[str]:
    found = session.get(f"{sandbox.url}/exports?limit=100&direction=desc").json()["data"]
    return [item["id"] for item in found]


class TestRecords:
    def test_are_the_same_for_the_same_seed_however_their_window_is_cut(self) -> None:
        whole = list(Records(1, "a", FIELDS, 20).between(OCTOBER.start, OCTOBER.end))
        noon = datetime(2026, 10, 15, 12, tzinfo=UTC)
        again = Records(1, "a", FIELDS, 20)
        assert [*again.between(OCTOBER.start, noon), *again.between(noon, OCTOBER.end)] == whole
        assert whole != list(Records(2, "a", FIELDS, 20).between(OCTOBER.start, OCTOBER.end))
        assert len({row["id"] for row in whole}) == len(whole)

    def test_stand_at_the_edges_of_the_month(self) -> None:
        moments = [row["at"] for row in Records(1, "a", FIELDS, 20).between(OCTOBER.start, OCTOBER.end)]
        assert (moments[0], moments[-1]) == (OCTOBER.start, OCTOBER.end - timedelta(milliseconds=1))

    def test_have_what_breaks_readers_of_csv(self) -> None:
        names = {str(row["name"]) for row in Records(1, "a", FIELDS, 40).between(OCTOBER.start, OCTOBER.end)}
        text = "|".join(names)
        assert all(mark in text for mark in (",", '"', "\n", "\r\n", ";", "東", "NA"))
        assert "" in names

    def test_can_be_windowed_by_any_instant(self) -> None:
        records = Records(1, "a", FIELDS, 20)
        late = list(records.between(OCTOBER.start, OCTOBER.end, "later"))
        everything = records.between(OCTOBER.shift(-1).start, OCTOBER.shift(1).end)
        expected = [r for r in everything if isinstance(r["later"], datetime) and OCTOBER.holds(r["later"])]
        assert sorted(str(r["id"]) for r in late) == sorted(str(r["id"]) for r in expected)


class TestTruth:
    def test_is_what_the_file_adds_up_to(self, sandbox: Sandbox, mine: str, address: str) -> None:
        text = requests.get(address, timeout=10).content.decode()
        found = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
        truth = sandbox.truth_of(mine)
        assert tuple(found[0]) == COLUMNS
        assert truth.rows == len(found) > 100
        assert truth.sums == {
            "weight": sum(Decimal(row["weight"] or 0) for row in found),
            "pieces": sum(Decimal(row["pieces"] or 0) for row in found),
        }

    def test_of_a_window_that_is_not_over_ends_now(self, sandbox: Sandbox, clock: ManualClock) -> None:
        draft = Draft("shipment", COLUMNS, {}, OCTOBER.start, clock() + timedelta(days=9))
        running, over = sandbox.account.create("a", draft), sandbox.truth("shipment", OCTOBER.start, clock())
        assert sandbox.truth_of("a").rows == over.rows
        assert max(str(row["created_at"]) for row in running.rows) < str(clock())

    def test_of_an_export_is_that_of_its_creation(
        self, sandbox: Sandbox, session: requests.Session, clock: ManualClock, mine: str
    ) -> None:
        early = sandbox.truth_of(mine)
        month = sandbox.truth("shipment", OCTOBER.start, OCTOBER.end)
        late: Row = {**dict.fromkeys(sandbox.fields["shipment"]), "created_at": OCTOBER.start, "pieces": 7}
        sandbox.add_records("shipment", [late])
        clock.advance(timedelta(hours=6))
        assert sandbox.truth_of(mine) == early
        now = sandbox.truth_of(create(sandbox, session).json()["data"]["id"])
        assert now.rows > early.rows
        grown = sandbox.truth("shipment", OCTOBER.start, OCTOBER.end)
        assert (grown.rows, grown.sums["pieces"]) == (month.rows + 1, month.sums["pieces"] + 7)


class TestFiles:
    def test_lie_under_another_host_name_where_no_key_is_taken(self, session: requests.Session, address: str) -> None:
        assert urlsplit(address).hostname == "localhost"
        assert session.get(address).status_code == 400
        assert requests.get(address, timeout=10).status_code == 200
        assert requests.get(re.sub("sig=.*", "sig=guessed", address), timeout=10).status_code == 403

    def test_are_served_in_ranges_and_stay_the_same(
        self, sandbox: Sandbox, session: requests.Session, mine: str, address: str
    ) -> None:
        whole = requests.get(address, timeout=10)
        other = str(show(sandbox, session, mine)["_csv_url"])
        assert other != address
        guarded = {"Range": "bytes=50-", "If-Range": whole.headers["ETag"]}
        rest = requests.get(other, headers=guarded, timeout=10)
        assert (rest.status_code, rest.content) == (206, whole.content[50:])

    def test_can_be_misshapen(self, sandbox: Sandbox, address: str) -> None:
        sandbox.faults.inject(Fault.MISSING_COLUMN)
        sandbox.faults.inject(Fault.BOM)
        spoilt = requests.get(address, timeout=10).content
        assert spoilt.startswith(b"\xef\xbb\xbfid,recipient_name,weight,pieces\n")
        assert requests.get(address, timeout=10).content.startswith(b"id,")

    @pytest.mark.parametrize(
        ("kind", "status"), [(Fault.POINTER_EXPIRED, 403), (Fault.FILE_GONE, 404), (Fault.HTML_PAGE, 200)]
    )
    def test_can_be_refused(self, sandbox: Sandbox, address: str, kind: Fault, status: int) -> None:
        sandbox.faults.inject(kind)
        spoilt, healthy = (requests.get(address, timeout=10) for _ in range(2))
        assert (spoilt.status_code, healthy.status_code) == (status, 200)
        assert spoilt.content != healthy.content


class TestSheet:
    ROWS = tuple({"a": number, "b": "x;y" if number % 2 else None} for number in range(5))

    def written(self, folder: Path, sheet: Sheet, rows: Any = ROWS) -> bytes:
        sheet.write(folder / "file", ("a", "b"), rows)
        return (folder / "file").read_bytes()

    def test_is_csv_in_nothing_or_in_a_gzip(self, tmp_path: Path) -> None:
        plain = self.written(tmp_path, Sheet(Shape(delimiter=";", crlf=True, bom=True)))
        assert plain == b'\xef\xbb\xbfa;b\r\n0;\r\n1;"x;y"\r\n2;\r\n3;"x;y"\r\n4;\r\n'
        packed = self.written(tmp_path, Sheet(container="gzip"))
        assert gzip.decompress(packed).replace(b'"', b"") == b"a,b\n0,\n1,x;y\n2,\n3,x;y\n4,\n"

    @pytest.mark.parametrize(("rows", "sizes"), [(ROWS, [2, 2, 1]), (ROWS[:4], [2, 2]), (ROWS[:1], [1]), ((), [0])])
    def test_is_a_zip_of_parts_that_repeat_the_header(self, tmp_path: Path, rows: Any, sizes: list[int]) -> None:
        sheet = Sheet(container="zip", part_records=2)
        data = self.written(tmp_path, sheet, rows)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            assert archive.namelist() == [f"file-part{number}.csv" for number in range(1, len(sizes) + 1)]
            parts = [archive.read(name).decode().splitlines() for name in archive.namelist()]
        assert [part[0] for part in parts] == ["a,b"] * len(sizes)
        assert [len(part) - 1 for part in parts] == sizes
        assert self.written(tmp_path, sheet, rows) == data


class TestFaults:
    def test_of_the_state_strike_the_exports_that_match(
        self, sandbox: Sandbox, session: requests.Session, mine: str
    ) -> None:
        other = create(sandbox, session).json()["data"]["id"]
        fault = sandbox.faults.inject(Fault.FAILED, match=lambda export: export.id == mine, value="timed_out")
        assert [show(sandbox, session, one)["status"] for one in (mine, other)] == ["timed_out", "completed"]
        fault.stop()
        assert show(sandbox, session, mine)["status"] == "completed"

    @pytest.mark.parametrize(
        ("kind", "told"), [(Fault.STUCK, "processing"), (Fault.UNKNOWN_STATUS, "archiving"), (Fault.FAILED, "failed")]
    )
    def test_of_the_state_leave_no_address_and_other_people_alone(
        self, sandbox: Sandbox, session: requests.Session, mine: str, kind: Fault, told: str
    ) -> None:
        before = session.get(f"{sandbox.url}/exports?limit=100").json()["data"]
        sandbox.faults.inject(kind, times=None)
        after = session.get(f"{sandbox.url}/exports?limit=100").json()["data"]
        assert [item["id"] for old, item in zip(before, after, strict=True) if old != item] == [mine]
        shown = show(sandbox, session, mine)
        assert (shown["status"], shown["_csv_url"]) == (told, None)

    def test_hide_an_export_from_whole_lists(self, sandbox: Sandbox, session: requests.Session, mine: str) -> None:
        sandbox.faults.inject(Fault.LATE, times=2)
        seen = []
        for _ in range(3):
            pages = [session.get(f"{sandbox.url}/exports?page={number}").json()["data"] for number in (1, 2, 3)]
            seen.append(mine in {item["id"] for page in pages for item in page})
        assert seen == [False, False, True]
        assert show(sandbox, session, mine)

    def test_make_an_export_vanish(self, sandbox: Sandbox, session: requests.Session, mine: str) -> None:
        sandbox.faults.inject(Fault.VANISHED)
        assert mine not in ids(sandbox, session)
        assert session.get(f"{sandbox.url}/exports/{mine}").status_code == 404
        assert create(sandbox, session).json()["data"]["id"] in ids(sandbox, session)

    @pytest.mark.parametrize(("kind", "made"), [(Fault.BUSY, 0), (Fault.DROPPED, 0), (Fault.UNANSWERED, 1)])
    def test_on_a_create_leave_an_export_or_none(
        self, sandbox: Sandbox, session: requests.Session, kind: Fault, made: int
    ) -> None:
        sandbox.faults.inject(kind, on=Operation.CREATE)
        if kind is Fault.BUSY:
            assert create(sandbox, session).status_code == 429
        else:
            with pytest.raises(requests.ConnectionError):
                create(sandbox, session)
        assert len(sandbox.exports) == made

    @pytest.mark.parametrize(("kind", "seen", "distinct"), [(Fault.LIST_GROWS, 25, 24), (Fault.LIST_SHRINKS, 23, 23)])
    def test_shift_pages(
        self, sandbox: Sandbox, session: requests.Session, kind: Fault, seen: int, distinct: int
    ) -> None:
        sandbox.faults.inject(kind)
        found = []
        for number in (1, 2, 3):
            found += session.get(f"{sandbox.url}/exports?page={number}&direction=desc").json()["data"]
        assert (len(found), len({item["id"] for item in found})) == (seen, distinct)

    def test_cut_a_list_and_repeat_its_page(self, sandbox: Sandbox, session: requests.Session) -> None:
        sandbox.faults.inject(Fault.INVALID_JSON)
        with pytest.raises(json.JSONDecodeError):
            json.loads(session.get(f"{sandbox.url}/exports").text)
        sandbox.faults.inject(Fault.ENDLESS_NEXT, times=None)
        first, third = (session.get(f"{sandbox.url}/exports?page={number}").json() for number in (1, 3))
        assert first["data"] == third["data"]
        assert third["pagination"]["has_more"]

    @pytest.mark.parametrize("value", [None, 3])
    def test_say_when_to_come_again_or_not(
        self, sandbox: Sandbox, session: requests.Session, value: int | None
    ) -> None:
        sandbox.faults.inject(Fault.TOO_MANY_REQUESTS, value=value)
        answer = session.get(f"{sandbox.url}/exports")
        assert (answer.status_code, answer.headers.get("Retry-After")) == (429, value and str(value))


def test_more_than_the_limit_in_a_second_is_too_many(session: requests.Session) -> None:
    with Sandbox(api_key=KEY, rows_per_day=0, rate_limit=5) as limited:
        statuses = [session.get(f"{limited.url}/exports?limit=1").status_code for _ in range(10)]
    assert statuses[:5] == [200] * 5
    assert 429 in statuses


def test_nothing_of_it_remains(session: requests.Session) -> None:
    before = threading.active_count()
    with Sandbox(api_key=KEY, rows_per_day=0) as short_lived:
        assert session.get(f"{short_lived.url}/exports").ok
        folder = short_lived.folder
        assert folder.exists()
    assert threading.active_count() == before
    assert not folder.exists()


def test_the_command_starts_the_vendor_that_is_named(session: requests.Session) -> None:
    command = [sys.executable, "-m", "pipeline.sandbox", "packagex", "--port", "0", "--api-key", KEY]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        found = re.fullmatch(
            rf"sandbox: (http://127\.0\.0\.1:\d+/v1) \(PX-API-KEY: {KEY}\)\n", process.stdout.readline()
        )
        assert found
        assert session.get(f"{found[1]}/exports").ok
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


@pytest.mark.parametrize("name", ["nobody", "clock"])
def test_the_command_knows_who_is_no_vendor(name: str) -> None:
    done = subprocess.run([sys.executable, "-m", "pipeline.sandbox", name], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.endswith(f"there is no local vendor {name}\n")
