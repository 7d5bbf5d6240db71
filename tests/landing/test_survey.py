"""What is wrong in an archive is named, whatever it is, and mended where the file that is there says how."""

import gzip
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.errors import PermanentError
from pipeline.landing.archive import Archive
from pipeline.landing.fetch import verify
from pipeline.landing.manifests import Manifest, RequestedExport
from pipeline.landing.repair import repair
from pipeline.landing.sidecars import ExportKey
from pipeline.landing.survey import survey
from pipeline.months import Month

OCTOBER = Month(2026, 10)
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
CONTENT = gzip.compress(b"a,b\n1,2\n", mtime=0)
FOLDER = "didww/cdr_in/2026-10"
FIRST = ExportKey("didww", "cdr_in", OCTOBER, "first")


def note(export_id: str) -> RequestedExport:
    return RequestedExport(
        vendor="didww",
        record_type="cdr_in",
        month="2026-10",
        export_id=export_id,
        reference=f"cdr/main/cdr_in/2026-10/{export_id}",
        window_start=OCTOBER.start,
        window_end=OCTOBER.end,
        created_at=OCTOBER.end + timedelta(hours=1),
        filters={"from": "2026-10-01 00:00:00"},
        api_version="2026-04-16",
        made_for="print",
    )


def land(archive: Archive, export_id: str) -> None:
    archive.write_request(note(export_id))
    file = archive.file_of(note(export_id))
    file.write_bytes(CONTENT)
    found = verify(file)
    manifest = Manifest(
        **vars(note(export_id)),
        landed_at=NOW,
        url="https://example.com/f",
        bytes=found.size,
        text_bytes=found.contents.text_bytes,
        sha256=found.sha256,
        header=found.contents.header,
        records_told=1,
    )
    archive.write_manifest(manifest)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Two exports of one month; the second is whole whatever happens to the first."""
    made = Archive(tmp_path / "landing")
    land(made, "first")
    land(made, "second")
    return made


def path(archive: Archive, name: str) -> Path:
    return archive.root / FOLDER / name


def named(archive: Archive, *, hashed: bool = True) -> list[tuple[str, bool]]:
    return [(fault.path, fault.repairable) for fault in survey(archive, hashed=hashed)]


HARM: dict[str, Callable[[bytes], bytes]] = {
    "torn": lambda text: text[:99],
    "empty": lambda text: b"",
    "zeros": lambda text: b"\0" * len(text),
    "foreign": lambda text: b'{"some": "JSON of another program"}',
    "a list": lambda text: b"[]",
    "nested": lambda text: b"[" * 100_000,
    "of another export": lambda text: text.replace(b'"first"', b'"second"'),
    "of another month": lambda text: text.replace(b'"2026-10"', b'"2026-09"'),
    "of no month": lambda text: text.replace(b'"2026-10"', b'"October"'),
    "not UTF-8": lambda text: text.replace(b"first", b"f\xffrst"),
    "without zones": lambda text: text.replace(b"+00:00", b""),
    "of other types": lambda text: text.replace(b'"expired": false', b'"expired": "no"'),
    "without a checksum": lambda text: text.replace(b'"sha256"', b'"sha255"'),
}


@pytest.mark.parametrize("harm", HARM.values(), ids=HARM)
def test_a_manifest_that_cannot_be_read_stops_nothing_and_is_made_again(
    archive: Archive, harm: Callable[[bytes], bytes]
) -> None:
    first, second = archive.landed()
    file = path(archive, "first.landed.json")
    file.write_bytes(harm(before := file.read_bytes()))
    assert file.read_bytes() != before
    assert list(archive.landed()) == list(archive.landed_of("didww", "cdr_in", OCTOBER)) == [second]
    assert archive.manifest(path(archive, "first.csv.gz")) is None
    assert named(archive) == named(archive, hashed=False) == [(f"{FOLDER}/first.landed.json", True)]
    repair(archive, FIRST, NOW + timedelta(days=1))
    again = replace(first, landed_at=NOW + timedelta(days=1), url="", records_told=None, remade=True)
    assert list(archive.landed()) == [again, second]
    assert named(archive) == []


def test_a_file_without_a_manifest_is_named_and_gets_one(archive: Archive) -> None:
    path(archive, "first.landed.json").unlink()
    assert named(archive) == named(archive, hashed=False) == [(f"{FOLDER}/first.csv.gz", True)]
    repair(archive, FIRST, NOW)
    assert [(one.export_id, one.reference, one.remade) for one in archive.landed()] == [
        ("first", "cdr/main/cdr_in/2026-10/first", True),
        ("second", "cdr/main/cdr_in/2026-10/second", False),
    ]
    assert named(archive) == []


def test_without_any_note_a_file_is_taken_for_what_its_path_and_time_say(archive: Archive) -> None:
    for name in ("first.landed.json", "first.asked.json"):
        path(archive, name).unlink()
    written = OCTOBER.start + timedelta(days=9, seconds=1)
    os.utime(path(archive, "first.csv.gz"), (written.timestamp(), written.timestamp()))
    assert named(archive) == [(f"{FOLDER}/first.csv.gz", True)]
    repair(archive, FIRST, NOW)
    manifest = archive.manifest(path(archive, "first.csv.gz"))
    assert manifest
    assert (manifest.created_at, manifest.window_start, manifest.window_end) == (written, OCTOBER.start, written)
    assert (manifest.export_id, manifest.header, manifest.remade) == ("first", "a,b", True)
    assert named(archive) == []


def test_a_torn_note_of_what_was_asked_is_written_again_from_the_manifest(archive: Archive) -> None:
    path(archive, "first.asked.json").write_text("{")
    assert [one.export_id for one in archive.requested()] == ["second"]
    assert [one.export_id for one in archive.requested_among("didww", {"first", "second"})] == ["second"]
    assert named(archive) == [(f"{FOLDER}/first.asked.json", True)]
    repair(archive, FIRST, NOW)
    assert [one for one in archive.requested() if one.export_id == "first"] == [note("first")]
    assert not any(manifest.remade for manifest in archive.landed())
    assert named(archive) == []


def test_a_torn_note_of_what_was_asked_is_written_again_when_it_is_noted_again(archive: Archive) -> None:
    path(archive, "first.asked.json").write_text("{")
    archive.write_request(note("first"))
    assert len(list(archive.requested())) == 2


def test_a_damaged_file_gets_no_manifest(archive: Archive) -> None:
    path(archive, "first.landed.json").unlink()
    path(archive, "first.csv.gz").write_bytes(CONTENT[:-1])
    with pytest.raises(PermanentError, match=r"^first\.csv\.gz is not whole, [^\n]+ restore it from a backup\.$"):
        repair(archive, FIRST, NOW)
    assert named(archive) == [(f"{FOLDER}/first.csv.gz", True)]


def test_a_manifest_without_a_file_is_named(archive: Archive) -> None:
    path(archive, "first.csv.gz").unlink()
    assert named(archive) == named(archive, hashed=False) == [(f"{FOLDER}/first.csv.gz", False)]


def test_a_byte_that_changed_is_named_where_the_file_is_read(archive: Archive) -> None:
    path(archive, "first.csv.gz").write_bytes(CONTENT[:-1] + b"\1")
    assert named(archive) == [(f"{FOLDER}/first.csv.gz", False)]
    assert named(archive, hashed=False) == []


def test_a_file_that_should_have_expired_is_named(archive: Archive) -> None:
    first, _ = archive.landed()
    archive.write_manifest(replace(first, expired=True))
    assert [str(fault) for fault in survey(archive)] == [
        f"{FOLDER}/first.csv.gz: it has expired, and its file is still there; `cdr retain` deletes it"
    ]
    path(archive, "first.csv.gz").unlink()
    assert named(archive) == []


@pytest.mark.parametrize(
    "name",
    [
        ".DS_Store",
        "notes.txt",
        f"{FOLDER}/.DS_Store",
        f"{FOLDER}/Copy of first.csv.gz",
        f"{FOLDER}/first.csv.gz.bak",
        f"{FOLDER}/first.landed.json.bak",
        f"{FOLDER}/-first.csv.gz",
        "didww/cdr_in/first.csv.gz",
        "didww/cdr_in/2026-13/first.csv.gz",
        "didww/cdr_in/2026-10-01/first.csv.gz",
        "didww/cdr_in/not-a-month/first.landed.json",
    ],
)
def test_what_does_not_belong_is_named_and_stops_nothing(archive: Archive, name: str) -> None:
    (archive.root / name).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path(archive, "second.landed.json"), archive.root / name)
    assert named(archive) == [(name, False)]
    assert [one.export_id for one in archive.landed()] == ["first", "second"]
    assert set(archive.months()) == {OCTOBER}


def test_a_folder_that_does_not_belong_is_named_once(archive: Archive) -> None:
    shutil.copytree(archive.root / FOLDER, archive.root / FOLDER / "copy")
    assert named(archive) == [(f"{FOLDER}/copy", False)]


def test_a_second_file_of_an_export_is_named(archive: Archive) -> None:
    path(archive, "first.csv").write_bytes(b"a,b\n1,3\n")
    assert named(archive) == [(f"{FOLDER}/first.csv", False)]


def test_a_file_that_is_being_written_is_not_named(archive: Archive) -> None:
    path(archive, "third.csv.gz.4711.part").write_bytes(CONTENT)
    path(archive, "third.asked.json.part").write_bytes(b"{")
    assert named(archive) == []


def test_there_is_nothing_wrong_with_an_archive_that_was_never_made(tmp_path: Path) -> None:
    assert list(survey(Archive(tmp_path / "landing"))) == []


def test_what_may_not_be_read_is_named() -> None:
    """As a user who may not read everything, which root may; below a folder that any user may enter."""
    before = os.geteuid()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        archive = Archive(Path(folder) / "landing")
        land(archive, "first")
        (archive.root / "rebilly").mkdir(mode=0)
        path(archive, "first.csv.gz").chmod(0)
        for file in archive.root.rglob("*.json"):
            file.chmod(0o644)
        for parent in path(archive, "first.csv.gz").parents:
            if parent.is_relative_to(archive.root):
                parent.chmod(0o755)
        os.seteuid(65534 if before == 0 else before)
        try:
            found = [str(fault) for fault in survey(archive)]
        finally:
            os.seteuid(before)
            (archive.root / "rebilly").chmod(0o700)
    assert found == [
        "rebilly: it cannot be looked into (Permission denied)",
        f"{FOLDER}/first.csv.gz: it cannot be read (Permission denied)",
    ]
