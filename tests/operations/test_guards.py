"""What a load refuses, over a real archive and a real lake: the month stays as it was until it is forced."""

import gzip
import shutil
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import pytest
from pydantic import SecretStr

from pipeline.dataset import Companion, Dataset
from pipeline.errors import PermanentError
from pipeline.landing.archive import Archive
from pipeline.landing.manifests import Manifest, RequestedExport
from pipeline.months import Month
from pipeline.normalise import packagex, rebilly
from pipeline.normalise.didww import TABLES
from pipeline.operations.guards import Guards
from pipeline.operations.installation import Installation
from pipeline.operations.ledger import Ledger
from pipeline.operations.load import Loaded, Replacer
from pipeline.settings import Settings
from pipeline.warehouse.lake import Lake
from pipeline.warehouse.records import KnownExport, Revision, as_table

OCTOBER = Month(2026, 10)
CREATED = datetime(2026, 11, 2, tzinfo=UTC)
HEADER = ",".join(TABLES["cdr_out"].header_versions[0].required)
GOOD, BAD = "59", "-59"
MAY = r"\(CDR_MAX_REJECTED_SHARE says how many may be\)"
PARCELS = Dataset("parcels", "rebilly", "parcels", {"at": "timestamptz"}, "at")
PACKAGES = Dataset("packages", "packagex", "packages", {"at": "timestamp"}, "at")


def line(start: str = "2026-10-05 10:00:00", seconds: str = GOOD, usd: str = "") -> str:
    cells = {"Date/Time Start (UTC)": start, "Call Duration (sec)": seconds, "Charged (USD)": usd}
    return ",".join(cells.get(name, "") for name in TABLES["cdr_out"].header_versions[0].required)


def file(*lines: str) -> str:
    return "\n".join([HEADER, *lines])


class Months:
    """One data directory: exports land in it, the newest is loaded."""

    def __init__(self, root: Path) -> None:
        self.archive, self.lake = Archive(root / "landing"), Lake(root / "lake")
        self._tables = {**TABLES, "parcels": rebilly.table(PARCELS), "packages": packagex.table(PACKAGES)}

    def land(self, export_id: str, text: str, created_at: datetime = CREATED, record_type: str = "cdr_out") -> Manifest:
        path = self.archive.file("didww", record_type, OCTOBER, export_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(served := gzip.compress(text.encode()))
        manifest = Manifest(
            "didww", record_type, str(OCTOBER), export_id, "", OCTOBER.start, OCTOBER.end, created_at, {}, "2026-04-16",
            landed_at=created_at, url="", bytes=len(served), text_bytes=len(text), sha256=sha256(served).hexdigest(),
            header=HEADER,
        )  # fmt: skip
        self.archive.write_manifest(manifest)
        return manifest

    def load(self, manifest: Manifest, *, force: bool = False, max_rejected: float = 0.01) -> Loaded:
        guards = Guards(max_shrink=0.01, max_rejected=max_rejected)
        return Replacer(self.archive, self.lake, self._tables, guards).replace(manifest, force=force)

    def held(self, record_type: str = "cdr_out") -> str | None:
        return self.lake.version_keys(record_type).get(str(OCTOBER))


@pytest.fixture
def months(tmp_path: Path) -> Months:
    return Months(tmp_path)


@pytest.fixture
def refused(months: Months) -> Callable[[Manifest, str], None]:
    """Holds that a load is refused with that reason and changes nothing, and that it is done when it is forced."""

    def check(manifest: Manifest, why: str) -> None:
        before, version = months.held(manifest.record_type), sorted(months.lake.root.rglob("*.parquet"))
        with pytest.raises(PermanentError, match=rf"{why}, so nothing was replaced .* `cdr backfill --force`"):
            months.load(manifest)
        assert months.held(manifest.record_type) == before != manifest.export_id
        assert sorted(months.lake.root.rglob("*.parquet")) == version
        assert months.archive.damage(manifest) == ""
        months.load(manifest, force=True)
        assert months.held(manifest.record_type) == manifest.export_id

    return check


@pytest.mark.parametrize(
    ("good", "bad", "max_rejected"),
    [(1, 1, 0.01), (10, 10, 0.01), (11, 10, 0.01), (1_990, 10, 0.01), (1_980, 20, 0.01), (0, 5, 1), (1, 1, 0)],
)
def test_some_records_of_a_file_may_be_bad(months: Months, good: int, bad: int, max_rejected: float) -> None:
    manifest = months.land("e-1", file(*[line()] * good, *[line(seconds=BAD)] * bad))
    assert months.load(manifest, max_rejected=max_rejected).export_id == months.held() == "e-1"


@pytest.mark.parametrize(("good", "bad"), [(0, 1), (0, 5), (1, 2), (9, 10), (989, 11), (1_979, 21), (0, 200)])
def test_a_file_of_which_too_much_cannot_be_read_is_refused_and_the_reason_named(
    months: Months, refused: Callable[..., None], good: int, bad: int
) -> None:
    months.load(months.land("e-1", file(*[line()] * good)))
    text = file(*[line()] * good, *[line(seconds=BAD)] * (bad - 1), line(seconds="x"))
    reason = "duration_seconds is not whole seconds from 0 to 2678400, which are 31 days"
    again = months.land("e-2", text, CREATED + timedelta(days=2))
    refused(
        again, f"e-2 has {bad} records of {good + bad} that cannot be read; of {bad} the reason is '{reason}' {MAY}"
    )


def test_the_most_frequent_of_several_reasons_is_named(months: Months, refused: Callable[..., None]) -> None:
    kinds = [line(seconds=BAD)] * 3 + [line() + ",x"] * 4 + [line(start="")] * 3
    refused(
        months.land("e-1", file(*kinds)),
        "10 that cannot be read; of 4 the reason is 'has 20 cells instead of 19' " + MAY,
    )


def test_what_the_vendor_left_out_is_in_no_share_and_no_reason(months: Months) -> None:
    landed = months.land("e-1", "at\n2026-10-05 10:00:00\nx\n2026-10-05\n", record_type="packages")
    served = gzip.compress(b"at\n" + b"2026-10-05 10:00:00\nx\n" * 50)
    line = {"bytes": len(served), "text_bytes": 0, "sha256": sha256(served).hexdigest(), "unread": ""}
    manifest = replace(landed, companions={Companion.SANITIZED: line})
    months.archive.file_of(manifest, Companion.SANITIZED).write_bytes(served)
    months.archive.write_manifest(manifest)
    with pytest.raises(PermanentError, match=r"has 2 records of 3 that cannot be read; of 2 the reason is 'at is not"):
        months.load(manifest)
    assert months.load(manifest, max_rejected=1).converted.rejected.rows == 102  # type: ignore[union-attr]
    assert months.held("packages") == "e-1"


@pytest.mark.parametrize("folder", ["reason=other", "reason=1", "row_number=x"])
def test_a_folder_that_looks_like_a_partition_takes_no_place_of_a_reason(tmp_path: Path, folder: str) -> None:
    months = Months(tmp_path / folder)
    manifest = months.land("e-1", file(*[line(start="")] * 11))
    with pytest.raises(PermanentError, match=r"of 11 the reason is 'started_at is empty'"):
        months.load(manifest)


@pytest.mark.parametrize(("inside", "outside"), [(1, 1), (11, 10), (950, 50)])
def test_some_rows_may_lie_outside_their_month(months: Months, inside: int, outside: int) -> None:
    months.load(months.land("e-1", file(*[line()] * inside, *[line("2026-11-01 00:00:00")] * outside)))
    assert months.held() == "e-1"


@pytest.mark.parametrize(("inside", "outside"), [(0, 1), (1, 2), (100, 100), (949, 51)])
def test_a_file_that_holds_another_month_is_refused(
    months: Months, refused: Callable[..., None], inside: int, outside: int
) -> None:
    manifest = months.land("e-1", file(*[line()] * inside, *[line("2026-09-30 23:59:59")] * outside))
    refused(manifest, f"has {outside} records of {inside + outside} that are another month's")


def test_where_other_months_are_left_out_a_file_of_them_alone_is_no_empty_month(
    months: Months, refused: Callable[..., None]
) -> None:
    text = "at\n" + "2026-09-05T10:00:00Z\n" * 20
    refused(months.land("e-1", text, record_type="parcels"), "has 20 records of 20 that are another month's")


def test_a_window_without_an_end_holds_what_came_after_its_month(months: Months) -> None:
    months.load(months.land("e-1", "at\n" + "2026-11-05 10:00:00\n" * 20, record_type="packages"))
    assert months.held("packages") == "e-1"


@pytest.mark.parametrize("gone", ["nothing", "file", "notes", "archive"])
def test_a_month_does_not_shrink_whatever_is_left_of_the_export_before(
    months: Months, refused: Callable[..., None], gone: str
) -> None:
    first = months.land("e-1", file(*[line()] * 100))
    months.load(first)
    lose(months.archive, first, gone)
    less = months.land("e-2", file(line()), CREATED + timedelta(days=2))
    refused(less, "e-2 has 99 rows fewer than the 100 that are loaded")


def test_a_month_may_lose_so_small_a_share_of_its_rows(months: Months, refused: Callable[..., None]) -> None:
    months.load(months.land("e-1", file(*[line()] * 200)))
    months.load(months.land("e-2", file(*[line()] * 198), CREATED + timedelta(days=2)))
    assert months.held() == "e-2"
    less = months.land("e-3", file(*[line()] * 196), CREATED + timedelta(days=4))
    refused(less, "e-3 has 2 rows fewer than the 198 that are loaded")


@pytest.mark.parametrize("gone", ["nothing", "file", "notes", "archive"])
def test_an_older_export_does_not_replace_a_newer_one(months: Months, refused: Callable[..., None], gone: str) -> None:
    newer = months.land("e-2", file(*[line()] * 100), CREATED + timedelta(days=2))
    months.load(newer)
    lose(months.archive, newer, gone)
    refused(months.land("e-1", file(*[line()] * 200)), "e-1 is older than e-2, which is loaded")


def test_an_export_of_the_same_instant_is_not_older(months: Months) -> None:
    for export_id in ("e-1", "e-2"):
        months.load(months.land(export_id, file(line())))
    assert months.held() == "e-2"


def test_where_nothing_says_how_old_the_loaded_export_is_its_rows_are_kept(
    months: Months, refused: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = months.land("e-1", file(*[line()] * 100))
    with monkeypatch.context() as patch:
        patch.setattr("pipeline.operations.load.commit_metadata", without_age)
        months.load(first)
    lose(months.archive, first, "archive")
    refused(
        months.land("e-2", file(line()), CREATED + timedelta(days=2)),
        "e-2 has 99 rows fewer than the 100 that are loaded",
    )


def without_age(*arguments: object) -> dict[str, object]:
    """The note of a load as it was before it said how old its export is."""
    from pipeline.operations.commit_metadata import commit_metadata

    return {name: value for name, value in commit_metadata(*arguments).items() if name != "created_at"}  # type: ignore[arg-type]


def lose(archive: Archive, manifest: Manifest, what: str) -> None:
    if what == "file":
        archive.file_of(manifest).unlink()
    elif what == "notes":
        archive.write_request(
            RequestedExport(**{one.name: getattr(manifest, one.name) for one in fields(RequestedExport)})
        )
        for note in archive.root.rglob("*.landed.json"):
            note.unlink()
    elif what == "archive":
        shutil.rmtree(archive.root)


def test_the_largest_amounts_overflow_no_sum(months: Months) -> None:
    """Of any amount that a cell can hold, sums are exact: those of the month, and what a re-export changed."""
    most, seconds = "999999999999.999999", str(31 * 86_400)
    months.load(months.land("e-1", file(line(usd=most, seconds=seconds))))
    later = months.land("e-2", file(*[line(usd=most, seconds=seconds)] * 1_000), CREATED + timedelta(days=2))
    (difference,) = months.load(later).differences
    assert (difference.seconds_more, difference.usd_more) == (999 * 31 * 86_400, 999 * Decimal(most))
    root = months.archive.root.parent
    settings = Settings(didww_api_key=SecretStr("x"), cdr_data_dir=root, _env_file=None)
    ledger = Ledger(Installation(settings))
    assert as_table(ledger.exports(), KnownExport)["cost_usd"].to_pylist() == [Decimal(most), 1_000 * Decimal(most)]
    assert as_table(ledger.differences(), Revision)["usd_more"].to_pylist() == [999 * Decimal(most)]
