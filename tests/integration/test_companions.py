"""The further files of an export: kept, counted, verified, erased and expired like the file of its records."""

import csv
import io
import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline.dataset import Companion
from pipeline.defs.month_checks import of_load
from pipeline.errors import GoneError, PermanentError
from pipeline.landing.manifests import Manifest
from pipeline.months import Month
from pipeline.normalise.companions import REASON
from pipeline.operations.verify import faults, mend
from pipeline.operations.wiring import Operations
from pipeline.sandbox import Fault, ManualClock
from pipeline.sandbox.packagex import Sandbox
from pipeline.sandbox.packagex.companions import divided
from pipeline.sandbox.traffic.rows import Row
from pipeline.settings import Settings
from pipeline.warehouse.records import KnownExport
from tests.export.dialects.packagex import client
from tests.integration.totals import NOW, bring_in, planned

KEY = "px-key"
TABLE = "packagex_shipment"
OCTOBER, NOVEMBER = Month(2026, 10), Month(2026, 11)
NUMBER = "442079460001"
KEPT_OUT = {"sanitized": 7, "error": 11}
EXPORTS = """
[[export]]
vendor = "packagex"
resource = "shipment"
window = "created_at"
fields = { id = "text", created_at = "timestamp", recipient_name = "text", pieces = "integer", weight = "money" }
personal = ["recipient_name"]
"""


class House:
    """An archive, and the local vendor in which it asks."""

    def __init__(self, folder: Path, clock: ManualClock, sandbox: Sandbox) -> None:
        self.folder, self.clock, self.sandbox = folder, clock, sandbox
        (folder / "exports.toml").write_text(EXPORTS, encoding="utf-8")

    @property
    def operations(self) -> Operations:
        return self.beside("none")

    def beside(self, calls: str) -> Operations:
        """The same in an archive that is to keep calls, too."""
        settings = Settings(
            cdr_data_dir=self.folder / "data",
            cdr_record_types=calls,
            cdr_exports=self.folder / "exports.toml",
            _env_file=None,
        )
        return Operations(settings, {"packagex": client(self.sandbox.url, KEY)}, clock=self.clock)

    def bring_in(self, *months: Month) -> None:
        for month in months or (OCTOBER,):
            bring_in(self.operations, TABLE, month)
        self.operations.publisher.publish()

    def manifest(self, month: Month = OCTOBER) -> Manifest:
        (found,) = self.operations.place.archive.landed_of("packagex", TABLE, month)
        return found

    def known(self, month: Month = OCTOBER) -> KnownExport:
        (found,) = (one for one in self.operations.ledger.exports() if one.month == str(month))
        return found

    def file(self, companion: str = "", month: Month = OCTOBER) -> Path:
        return self.operations.place.archive.file_of(self.manifest(month), companion)

    def kept_out(self, companion: str, month: Month = OCTOBER) -> list[Row]:
        """The records of the month that one of its files holds, as the vendor knows them."""
        export = self.sandbox.account.find(self.manifest(month).export_id)
        assert export is not None
        rows = divided(export, self.sandbox._kept_out, companion).rows
        return [row for row in rows if month.holds(row["created_at"])]  # type: ignore[arg-type]

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.operations.place.warehouse), read_only=True) as db:
            return db.execute(query).fetchall()

    def rejected(self) -> list[tuple[Any, ...]]:
        return self.ask("SELECT month, row_number, line_number, reason, raw_line FROM rejected_rows ORDER BY ALL")

    def check(self, name: str, month: Month = OCTOBER) -> Any:
        return next(one for one in of_load(self.known(month)) if one.check_name == name)

    def wrong(self) -> list[tuple[str, str]]:
        return [(Path(fault.path).name.partition(".")[2], fault.says) for fault in faults(self.operations.place)]


Housed = Callable[..., Any]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def housed(tmp_path: Path, clock: ManualClock) -> Housed:
    @contextmanager
    def made(rows_per_day: int = 4, **options: Any) -> Iterator[House]:
        at_once: dict[str, Any] = {"pending": timedelta(0), "processing": timedelta(0), "rate_limit": None}
        with Sandbox(clock=clock, api_key=KEY, rows_per_day=rows_per_day, **at_once, **options) as sandbox:
            yield House(tmp_path, clock, sandbox)

    return made


@pytest.fixture
def house(housed: Housed) -> Iterator[House]:
    with housed(kept_out=KEPT_OUT) as made:
        yield made


def weight(rows: list[Row]) -> Decimal:
    return sum((Decimal(str(row["weight"] or 0)) for row in rows), Decimal(0))


def served(file: Path) -> list[list[str]]:
    """The records of a file."""
    with file.open(encoding="utf-8", newline="") as text:
        return list(csv.reader(text, strict=True))[1:]


def ids(raw: Iterable[str]) -> list[str]:
    """Of records as served, the cells of the first column."""
    return sorted(next(csv.reader(io.StringIO(line, newline="")))[0] for line in raw)


def of(companion: str) -> Callable[[Any], bool]:
    """Strikes one of the further files alone."""
    return lambda export: export.id.endswith(f"-{companion}")


def test_every_record_is_loaded_or_rejected_with_the_reason_or_counted_as_failed(house: House) -> None:
    house.bring_in(OCTOBER, NOVEMBER)
    for month in (OCTOBER, NOVEMBER):
        sanitized, failed = house.kept_out("sanitized", month), house.kept_out("error", month)
        truth = house.sandbox.truth("shipment", month.start, min(month.end, NOW))
        known = house.known(month)
        assert len(sanitized) > 3
        assert len(failed) > 3
        assert (known.rows, known.rejected_rows) == (truth.rows - len(sanitized) - len(failed), len(sanitized))
        of_month = f"FROM control_totals WHERE month = '{month}'"
        assert house.ask(f"SELECT amount, rejected, unknown {of_month} AND name = 'weight'") == [
            (truth.sums["weight"] - weight(failed), weight(sanitized), 0)
        ]
        ((amount, counted),) = house.ask(f"SELECT amount, counted {of_month} AND name = 'rows'")
        assert amount == counted == truth.rows - len(failed)
        raw = [line for one, *_, line in house.rejected() if one == str(month)]
        assert ids(raw) == sorted(str(row["id"]) for row in sanitized)
        assert known.failed_records == len(served(house.file("errors", month))) >= len(failed)
    assert {reason for *_, reason, _ in house.rejected()} == {REASON}


def test_each_has_its_line_in_the_manifest_and_in_the_books(house: House) -> None:
    house.bring_in()
    manifest = house.manifest()
    assert list(manifest.companions) == ["sanitized", "errors"]
    for name, line in manifest.companions.items():
        file = house.file(name)
        assert file.name == f"{manifest.export_id}.{name}.csv"
        assert line["bytes"] == line["text_bytes"] == file.stat().st_size > 0
    assert json.loads(house.known().companions or "") == manifest.companions
    assert house.wrong() == []


def test_the_check_of_the_month_tells_what_was_kept_out_and_the_vendors_count_stays_right(house: House) -> None:
    house.bring_in()
    check, known = house.check("kept_out"), house.known()
    shown = {name: value.value for name, value in check.metadata.items()}
    assert (check.passed, shown) == (False, {"sanitized": known.sanitized_records, "errors": known.failed_records})
    assert house.check("vendor_count").passed
    assert not replace_told(known, known.records_told + 1 if known.records_told else 0).passed


def replace_told(known: KnownExport, told: int) -> Any:
    return next(one for one in of_load(replace(known, records_told=told)) if one.check_name == "vendor_count")


def test_beside_calls_the_books_of_what_is_no_call_raise_no_alarm(house: House) -> None:
    house.bring_in()
    house.beside("cdr_in,cdr_out").publisher.publish()
    assert house.ask(f"SELECT count(*) > 0 FROM control_totals WHERE record_type = '{TABLE}'") == [(True,)]
    for check in ("reconciliation_differs", "control_totals_differ"):
        assert house.ask(Path("sql/checks", f"{check}.sql").read_text(encoding="utf-8")) == []


def test_an_export_without_further_files_has_none(housed: Housed) -> None:
    with housed() as house:
        house.bring_in()
        assert (house.manifest().companions, house.known().companions) == ({}, None)
        assert (house.known().sanitized_records, house.known().failed_records) == (None, None)
        assert house.check("kept_out").passed
        assert house.rejected() == []


def test_what_the_vendor_leaves_out_does_not_make_a_month_unreadable(housed: Housed) -> None:
    with housed(kept_out={"sanitized": 2}) as house:
        house.bring_in()
        known = house.known()
        assert known.rows
        assert known.rejected_rows
        assert known.rejected_rows > known.rows / 3


def test_what_landed_is_not_fetched_again_and_a_second_load_changes_nothing(house: House) -> None:
    house.bring_in()
    before, asked = house.rejected(), len(house.sandbox.requests)
    operations = house.operations
    (export,) = (one for one in operations.listings.read("packagex") if one.id == house.manifest().export_id)
    operations.lander.land(TABLE, OCTOBER, export)
    assert operations.loader.load(TABLE, OCTOBER).converted is None
    assert len(house.sandbox.requests) == asked + 1  # for the list
    assert house.rejected() == before


def test_all_of_it_is_made_again_from_the_archive_alone(house: House) -> None:
    house.bring_in(OCTOBER, NOVEMBER)
    before = house.rejected(), house.ask("SELECT * EXCLUDE (loaded_at) FROM exports ORDER BY ALL")
    totals = house.ask("FROM control_totals ORDER BY ALL")
    shutil.rmtree(house.folder / "data" / "lake")
    list(house.operations.rebuilder.rebuild())
    assert (house.rejected(), house.ask("SELECT * EXCLUDE (loaded_at) FROM exports ORDER BY ALL")) == before
    assert house.ask("FROM control_totals ORDER BY ALL") == totals


@pytest.mark.parametrize("companion", list(Companion))
def test_damage_of_a_further_file_is_named_and_its_month_is_not_loaded_without_it(
    house: House, companion: Companion
) -> None:
    house.bring_in()
    file = house.file(companion)
    content = file.read_bytes()
    file.write_bytes(content[:-1] + b"x")
    assert house.wrong() == [(f"{companion}.csv", "its bytes are not those that landed")]
    file.unlink()
    assert house.wrong() == [(f"{companion}.csv.gz", "the file is gone")]
    shutil.rmtree(house.folder / "data" / "lake")
    with pytest.raises(PermanentError, match=rf"\.{companion}\.csv\.gz is missing, so nothing was loaded"):
        list(house.operations.rebuilder.rebuild())
    file.write_bytes(content)
    file.with_name(file.name.replace(".csv", ".csv.gz")).write_bytes(b"")
    assert {name for name, says in house.wrong() if "second file" in says} == {f"{companion}.csv"}


def test_a_file_that_no_manifest_knows_is_named(housed: Housed) -> None:
    with housed() as house:
        house.bring_in()
        stray = house.file("errors")
        stray.write_bytes(b"id\n")
        assert house.wrong() == [(stray.name.partition(".")[2], "no manifest knows it")]


def test_a_lost_manifest_is_made_again_with_the_further_files(house: House) -> None:
    house.bring_in()
    before = house.manifest()
    next(house.folder.glob("data/landing/*/*/*/*.landed.json")).unlink()
    for fault in list(faults(house.operations.place)):
        mend(house.operations.place, fault)
    assert (house.manifest().companions, house.manifest().remade) == (before.companions, True)
    assert house.wrong() == []


def test_an_erased_number_is_in_no_further_file_and_in_nothing_that_is_made_of_them(housed: Housed) -> None:
    with housed(kept_out={"sanitized": 3, "error": 5}) as house:
        shipments = [dict(row) for row in house.sandbox.account.between("shipment", OCTOBER.start, OCTOBER.end)]
        mine = tuple({**row, "id": f"late-{row['id']}", "recipient_name": NUMBER} for row in shipments[10:20])
        house.sandbox.add_records("shipment", mine)
        house.bring_in()
        before = house.ask("FROM control_totals ORDER BY ALL")
        files = [house.file(), house.file("sanitized"), house.file("errors")]
        assert all(NUMBER in file.read_text() for file in files)
        held = sum(file.read_text().count(NUMBER) for file in files)
        assert [(manifest.month, rows) for manifest, rows in house.operations.rebuilder.erase(NUMBER)] == [
            (str(OCTOBER), held)
        ]
        archived = sorted(path.name for path in files[0].parent.iterdir())
        assert not any(name.endswith(".csv") for name in archived)
        assert all("erased" in line or NUMBER not in line for *_, line in house.rejected())
        assert not any(NUMBER in line for *_, line in house.rejected())
        assert house.ask(f"SELECT count(*) FROM {TABLE} WHERE recipient_name = '{NUMBER}'") == [(0,)]
        assert house.ask("FROM control_totals ORDER BY ALL") == before
        assert house.wrong() == []
        again = [(manifest.month, rows) for manifest, rows in house.operations.rebuilder.erase(NUMBER)]
        assert again == [(str(OCTOBER), held)]


def test_of_a_number_that_only_the_further_file_holds_the_lake_is_made_again(housed: Housed) -> None:
    with housed(kept_out={"sanitized": 1}) as house:
        (row, *_) = house.sandbox.account.between("shipment", OCTOBER.start, OCTOBER.end)
        house.sandbox.add_records("shipment", ({**row, "id": "late", "recipient_name": NUMBER},))
        house.bring_in()
        assert sum(NUMBER in line for *_, line in house.rejected()) == 1
        assert [rows for _, rows in house.operations.rebuilder.erase(NUMBER)] == [1]
        assert sum(NUMBER in line for *_, line in house.rejected()) == 0
        assert len(house.rejected()) == house.known().rejected_rows


def test_they_expire_with_their_month(house: House) -> None:
    house.bring_in()
    house.operations.place.archive.expire(str(OCTOBER))
    assert list(house.operations.place.archive.files(str(OCTOBER))) == []
    assert house.wrong() == []
    house.file("errors").write_bytes(b"id\n")
    assert [says[:14] for _, says in house.wrong()] == ["it has expired"]


def test_amounts_of_a_file_without_their_column_are_unknown_and_months_are_told_apart(house: House) -> None:
    house.sandbox.faults.inject(Fault.MISSING_COLUMN, match=of("sanitized"), value="weight")
    house.bring_in()
    sanitized = house.kept_out("sanitized")
    assert len(house.rejected()) == house.known().rejected_rows == len(sanitized)
    assert house.ask("SELECT rejected, unknown FROM control_totals WHERE name = 'weight'") == [(0, len(sanitized))]


def test_records_whose_month_cannot_be_told_are_rejected_in_each(house: House) -> None:
    house.sandbox.faults.inject(Fault.MISSING_COLUMN, match=of("sanitized"), value="created_at")
    house.bring_in()
    known = house.known()
    lines = served(house.file("sanitized"))
    assert len(house.rejected()) == known.rejected_rows == known.sanitized_records == len(lines)
    assert {reason for *_, reason, _ in house.rejected()} == {f"{REASON}; its columns are others"}
    assert ids(raw for *_, raw in house.rejected()) == sorted(row[0] for row in lines)
    assert house.ask("SELECT rejected, unknown FROM control_totals WHERE name = 'weight'") == [(0, len(lines))]


def test_a_record_that_no_rule_fits_keeps_both_reasons(house: House) -> None:
    house.sandbox.faults.inject(Fault.RAGGED_ROW, match=of("sanitized"))
    house.bring_in()
    odd = [(row, line) for _, row, line, reason, _ in house.rejected() if reason != REASON]
    assert odd[0] == (1, 2)
    assert all(reason.startswith(REASON) for *_, reason, _ in house.rejected())
    assert len(house.rejected()) == house.known().rejected_rows


@pytest.mark.parametrize("kind", [Fault.BOM, Fault.CRLF, Fault.NO_FINAL_NEWLINE, Fault.EXTRA_COLUMN, Fault.CUT_BODY])
def test_whatever_form_it_has_every_record_is_counted(house: House, kind: Fault) -> None:
    fault = house.sandbox.faults.inject(kind, times=None if kind is not Fault.CUT_BODY else 1, match=of("sanitized"))
    house.bring_in()
    assert fault.hits
    assert house.known().rejected_rows == len(house.kept_out("sanitized"))
    assert house.ask("SELECT rejected FROM control_totals WHERE name = 'weight'") == [
        (weight(house.kept_out("sanitized")),)
    ]


def test_one_that_holds_no_record_is_no_finding(house: House) -> None:
    for name in ("sanitized", "error"):
        house.sandbox.faults.inject(Fault.HEADER_ONLY, match=of(name))
    house.bring_in()
    assert (house.known().sanitized_records, house.known().failed_records) == (0, 0)
    assert house.check("kept_out").passed


def test_an_export_has_landed_when_all_of_its_files_have(house: House) -> None:
    gone = house.sandbox.faults.inject(Fault.FILE_GONE, match=of("error"))
    with pytest.raises(GoneError):
        house.bring_in()
    assert gone.hits == 1
    operations = house.operations
    assert list(operations.place.archive.landed()) == []
    assert len(operations.place.archive.gone("packagex", TABLE)) == 1
    export = planned(operations, TABLE, OCTOBER).export
    assert export
    operations.lander.land(TABLE, OCTOBER, export)
    assert operations.place.archive.gone("packagex", TABLE) == {}
    assert list(house.manifest().companions) == ["sanitized", "errors"]


def test_a_page_in_the_place_of_a_further_file_is_not_kept(house: House) -> None:
    house.sandbox.faults.inject(Fault.HTML_PAGE, match=of("sanitized"))
    with pytest.raises(PermanentError, match="it was not kept"):
        house.bring_in()
    assert not list(house.folder.glob("data/landing/*/*/*/*.sanitized.*"))


@pytest.mark.parametrize(
    ("content", "count"),
    [
        (b"", 0),
        (b"line 5: the weight of 442 is bad\n", None),
        (b'[{"row": 5}]', None),
        (b"\xfd7zXZ\0 packed", None),
        (b"line,what\n5,bad\n6,bad", 2),
    ],
)
def test_a_file_of_failures_in_any_form_is_kept_and_what_cannot_be_counted_is_told(
    house: House, content: bytes, count: int | None
) -> None:
    house.bring_in()
    house.file("errors").write_bytes(content)
    next(house.folder.glob("data/landing/*/*/*/*.landed.json")).unlink()
    for fault in list(faults(house.operations.place)):
        mend(house.operations.place, fault)
    shutil.rmtree(house.folder / "data" / "lake")
    list(house.operations.rebuilder.rebuild())
    assert house.known().failed_records == count
    assert house.check("kept_out").metadata["errors"].value == (
        "a file that cannot be read" if count is None else count
    )
