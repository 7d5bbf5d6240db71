"""What erasing does to a file: the number and its name go, every other byte stays."""

import csv
import gzip
import io
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import PermanentError
from pipeline.landing.archive import Archive
from pipeline.landing.fetch import verify
from pipeline.landing.manifests import Manifest
from pipeline.normalise.didww import TABLES
from pipeline.operations.erase import Eraser
from pipeline.privacy.erasures import Erasures
from pipeline.privacy.personal import number_in

NOW = datetime(2026, 11, 21, tzinfo=UTC)
NUMBER, OTHER = "442079460001", "442079460002"
IN, OUT = (list(TABLES[name].header_versions[0].required) for name in ("cdr_in", "cdr_out"))
SOURCE, NAME, DID, FORWARDED = (IN.index(name) for name in ("Source", "Source Name", "Destination DID", "Destination"))

Erase = Callable[..., bytes]


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "landing")


def landed(archive: Archive, text: bytes, record_type: str = "cdr_in") -> Manifest:
    manifest = Manifest(
        "didww", record_type, "2026-10", "e-1", "r", NOW, NOW, NOW, {}, "2026-04-16", NOW, "", 0, 0, "", ""
    )
    file = archive.file_of(manifest)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(gzip.compress(text, mtime=0))
    found = verify(file)
    manifest = replace(manifest, bytes=found.size, text_bytes=found.contents.text_bytes, sha256=found.sha256)
    archive.write_manifest(manifest)
    return manifest


@pytest.fixture
def eraser(archive: Archive, tmp_path: Path) -> Eraser:
    erasures = Erasures(tmp_path)
    erasures.add(NUMBER, NOW)
    return Eraser(archive, TABLES, erasures, lambda: NOW)


@pytest.fixture
def erase(archive: Archive, eraser: Eraser) -> Erase:
    """The text of a file after the erasure."""

    def erased(text: bytes, record_type: str = "cdr_in") -> bytes:
        manifest = eraser.cleanse(landed(archive, text, record_type))
        assert archive.damage(manifest) == ""
        return gzip.decompress(archive.file_of(manifest).read_bytes())

    return erased


def line(**cells: str) -> str:
    """A record of cdr_in; the cells are given as they stand in the file."""
    places = {"source": SOURCE, "name": NAME, "did": DID, "forwarded": FORWARDED, "start": 0}
    row = [""] * len(IN)
    for name, cell in cells.items():
        row[places[name]] = cell
    return ",".join(row)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("begin", ["", "\ufeff"])
@pytest.mark.parametrize("last", [True, False])
def test_only_the_cells_of_the_number_and_its_name_change(erase: Erase, begin: str, end: str, last: bool) -> None:
    longer = line(source=f"{NUMBER}9", name=f"x{NUMBER}", did=NUMBER)
    rows = [
        (line(source=NUMBER, name='"Smith, ""Bob"""', did="4420"), line(source="erased", name='"erased"', did="4420")),
        (line(source=f'"+{NUMBER}"', name=NUMBER), line(source='"erased"', name="erased")),
        (line(source=f"00{NUMBER}", name="Zoë"), line(source="erased", name="erased")),
        (
            line(source=OTHER, name="Eve", forwarded=f"sip:+{NUMBER}@pbx"),
            line(source=OTHER, name="Eve", forwarded="erased"),
        ),
        ('""', '""'),
        (longer, longer),
    ]
    header = ",".join(IN)

    def text(column: int) -> bytes:
        whole = begin + end.join([header, rows[0][column], "", *(row[column] for row in rows[1:])])
        return (whole + (end if last else "")).encode()

    assert erase(text(0)) == text(1)


def test_of_an_outbound_call_every_number_can_be_erased(erase: Erase) -> None:
    header = ",".join(OUT)
    for name in ("Source", "CLI", "Destination Number", "P-Charge-Info"):
        cell = f"<sip:{NUMBER}@customer.example.com;billing-account-id=212>" if name == "P-Charge-Info" else NUMBER
        row = [cell if name == column else "1" for column in OUT]
        gone = ["erased" if name == column else "1" for column in OUT]
        text = f"{header}\n{','.join(row)}\n".encode()
        assert erase(text, "cdr_out") == f"{header}\n{','.join(gone)}\n".encode()


def test_a_column_that_nobody_knows_is_searched_too(erase: Erase) -> None:
    header = f"Original caller,{','.join(IN)}"
    text = f"{header}\n{NUMBER},{line(source=OTHER, name='Eve')}\n"
    assert erase(text.encode()) == text.replace(NUMBER, "erased").encode()


MALFORMED = {
    "too few cells": (f"2026-10-05 10:00:00,{NUMBER},Ann,4420,0.01", "2026-10-05 10:00:00,erased,erased,4420,0.01"),
    "too many cells": (f"{line(source=NUMBER, name='Ann')},0.5", f"{line(source='erased', name='erased')},0.5"),
    "not UTF-8": (line(source=NUMBER, name="Zo\udceb"), line(source="erased", name="erased")),
    "a quote that is never closed": (
        f'{line(source=OTHER, name="Eve")}\n"{line(source=NUMBER, name="Ann")}\n{line(did="5")}', None
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MALFORMED)
def test_a_record_that_cannot_be_read_is_searched_too(erase: Erase, name: str) -> None:
    before, after = MALFORMED[name]
    head = ",".join(IN) + "\n"
    found = erase((head + before + "\n").encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")
    assert NUMBER not in found
    assert "Ann" not in found
    if after:
        assert found == head + after + "\n"
    else:
        assert found.splitlines()[1] == before.splitlines()[0]
        assert found.count(",") == (head + before).count(",")


ASTRAY = {
    "before the number": line(source=f'"{NUMBER}', name="Ann"),
    "around it and others": line(start='"x', source=NUMBER, name='"Ann'),
    "and text behind the quoted cell": line(start='"x', source=NUMBER, name='Ann"z'),
    "in too few cells": f'2026-10-05 10:00:00,"x,{NUMBER},Ann"',
    "left open in too few cells": f'2026-10-05 10:00:00,"{NUMBER},Ann,,,',
}


@pytest.mark.parametrize("name", ASTRAY)
def test_a_quote_astray_hides_no_number_and_stays_where_it_is(erase: Erase, name: str) -> None:
    others = [line(source=OTHER, name="Eve"), line(source=OTHER, name="Bob")]
    before = "\n".join([",".join(IN), others[0], ASTRAY[name], others[1], ""])
    found = erase(before.encode()).decode()
    assert not [word for word in (NUMBER, "Ann") if word in found]
    assert found.splitlines()[1] == others[0]
    assert found.splitlines()[-1] == others[1]
    assert [found.count(mark) for mark in ',"\n'] == [before.count(mark) for mark in ',"\n']


@pytest.mark.parametrize(
    "cell",
    [
        f"{NUMBER}\udcff",
        f"\udca0{NUMBER}",
        f"\u00a0{NUMBER}",
        f"\u202d{NUMBER}\u202c",
        "44\u20112079460001",
        f"{NUMBER}\0",
        f"'{NUMBER}",
        f'{NUMBER}"',
        f'"=""{NUMBER}"""',
        f'"{NUMBER}\n"',
        f'"""Smith"" <sip:{NUMBER}@pbx>"',
    ],
)
def test_what_stands_beside_the_digits_hides_no_number(erase: Erase, cell: str) -> None:
    head = ",".join(IN) + "\n"
    found = erase((head + line(source=cell, name="Ann") + "\n").encode("utf-8", "surrogateescape")).decode()
    gone = '"erased"' if cell.startswith('"') else "erased"
    assert found == head + line(source=gone, name="erased") + "\n"


CELLS = st.sampled_from(
    ["", "x", NUMBER, f"+{NUMBER}", f"00{NUMBER}", OTHER, f'say "{NUMBER}"', "a,b", "two\nlines", "é", '"', "0"]
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(CELLS, min_size=len(IN), max_size=len(IN)), max_size=6),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_another_reader_sees_the_same_file_but_for_those_cells(
    erase: Erase, rows: list[list[str]], end: str, all_quoted: bool
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=end, quoting=csv.QUOTE_ALL if all_quoted else csv.QUOTE_MINIMAL)
    writer.writerows([IN, *rows])
    candidates = [SOURCE, NAME, FORWARDED]
    for row in rows:
        hit = {place for place in candidates if number_in(row[place]) == NUMBER}
        if hit & {SOURCE, NAME}:
            hit |= {NAME}
        for place in hit:
            row[place] = row[place] and "erased"
    found = erase(out.getvalue().encode()).decode()
    assert list(csv.reader(io.StringIO(found, newline=""))) == [IN, *rows]


def test_what_is_not_there_changes_no_byte(erase: Erase, archive: Archive, eraser: Eraser) -> None:
    manifest = landed(archive, f"{','.join(IN)}\n{line(source=OTHER)}\n".encode())
    before = archive.file_of(manifest).read_bytes()
    assert eraser.cleanse(manifest) is manifest
    assert archive.file_of(manifest).read_bytes() == before


def test_the_manifest_tells_of_the_erasure_and_not_of_the_number(archive: Archive, eraser: Eraser) -> None:
    manifest = landed(archive, f"{','.join(IN)}\n{line(source=NUMBER)}\n{line(source=NUMBER)}\n".encode())
    cleansed = eraser.cleanse(manifest)
    [note] = cleansed.erased
    assert (note["sha256_before"], list(note["rows"].values())) == (manifest.sha256, [2])
    assert archive.manifest(archive.file_of(manifest)) == cleansed
    assert eraser.cleanse(cleansed) is cleansed
    assert NUMBER not in "".join(path.read_text() for path in archive.root.rglob("*.json"))


def test_a_process_killed_between_manifest_and_file_is_made_good(archive: Archive, eraser: Eraser) -> None:
    manifest = landed(archive, f"{','.join(IN)}\n{line(source=NUMBER)}\n".encode())
    file = archive.file_of(manifest)
    before = file.read_bytes()
    cleansed = eraser.cleanse(manifest)
    file.write_bytes(before)  # the manifest was written, the file was not yet swapped in
    assert archive.damage(cleansed)
    assert eraser.cleanse(cleansed) == cleansed
    assert archive.damage(cleansed) == ""


def test_damage_is_not_hidden_under_a_new_checksum(archive: Archive, eraser: Eraser) -> None:
    manifest = landed(archive, f"{','.join(IN)}\n{line(source=NUMBER)}\n".encode())
    with pytest.raises(PermanentError, match="is not what landed, so nothing was erased"):
        eraser.cleanse(replace(manifest, sha256="0" * 64))
    archive.file_of(manifest).unlink()
    with pytest.raises(PermanentError, match="is missing, so nothing was erased"):
        eraser.cleanse(manifest)


def test_the_log_holds_no_number_and_is_its_owners_alone(tmp_path: Path) -> None:
    erasures = Erasures(tmp_path / "data")
    fingerprints = {
        erasures.add(written, NOW) for written in (NUMBER, f"+{NUMBER}", "+44 (20) 7946-0001", f"00{NUMBER}")
    }
    assert len(fingerprints) == 1
    log, key = tmp_path / "data" / "erasures.jsonl", tmp_path / "data" / "erasures.key"
    assert len(log.read_text().splitlines()) == 1
    assert NUMBER[-9:] not in log.read_text() + key.read_text()
    assert {stat.S_IMODE(path.stat().st_mode) for path in (log, key)} == {0o600}
    erasures.add(OTHER, NOW)
    assert len(log.read_text().splitlines()) == 2


@pytest.mark.parametrize("text", ["", "anonymous", "12", "000", "Smith 442079460001", "442079460001 442079460002x"])
def test_what_is_no_number_cannot_be_erased(tmp_path: Path, text: str) -> None:
    with pytest.raises(PermanentError, match="not a phone number"):
        Erasures(tmp_path).add(text, NOW)
    assert list(tmp_path.iterdir()) == [tmp_path / ".erasures.lock"] or not list(tmp_path.iterdir())


def test_without_its_key_the_log_stops_every_load(archive: Archive, eraser: Eraser, tmp_path: Path) -> None:
    manifest = landed(archive, f"{','.join(IN)}\n".encode())
    (tmp_path / "erasures.key").unlink()
    with pytest.raises(PermanentError, match="could come back unnoticed; restore it from a backup"):
        eraser.cleanse(manifest)
