import gzip
import hashlib
import io
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests
import urllib3

from pipeline.errors import PermanentError
from pipeline.landing.fetch import fetch
from pipeline.landing.manifests import write_json
from pipeline.locks import held
from pipeline.warehouse.lake import Lake

FILE = gzip.compress(b"a,b\n" + hashlib.shake_256(b"calls").hexdigest(300_000).encode() + b"\n", mtime=0)


@pytest.fixture
def room() -> Iterator[Callable[[int], None]]:
    """Lets no file of this process grow beyond so many bytes, until the test ends."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with room for 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", folder], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a file system cannot be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def served(offset: int, etag: str) -> requests.Response:
    response = requests.Response()
    response.status_code = 200
    response.raw = urllib3.HTTPResponse(body=io.BytesIO(FILE), preload_content=False)
    return response


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("size", [0, 1, 100_000, len(FILE) - 1])
def test_a_file_that_grows_too_large_is_told_and_leaves_nothing(
    tmp_path: Path, room: Callable[[int], None], size: int
) -> None:
    room(size)
    with pytest.raises(
        PermanentError, match=rf"^e\.csv\.gz could not be written to {tmp_path} \(File too large\); [^\n]+\.$"
    ):
        fetch(served, tmp_path / "e.csv.gz")
    assert names(tmp_path) == []


def test_a_file_that_just_fits_lands(tmp_path: Path, room: Callable[[int], None]) -> None:
    room(len(FILE))
    assert fetch(served, tmp_path / "e.csv.gz").size == len(FILE)
    assert names(tmp_path) == ["e.csv.gz"]


def test_a_full_disk_is_told_with_what_to_do_and_leaves_nothing(small_disk: Path) -> None:
    with pytest.raises(PermanentError, match=r"\(No space left on device\); free some space and run it again\.$"):
        fetch(served, small_disk / "landing" / "e.csv.gz")
    assert names(small_disk) == []


def test_a_note_on_a_full_disk_keeps_the_old_one_and_leaves_nothing_else(small_disk: Path) -> None:
    note = small_disk / "note.json"
    note.write_text("old")
    with pytest.raises(
        PermanentError, match=r"^note\.json could not be written to [^\n]+ free some space and run it again\.$"
    ):
        write_json(note, {"a": "x" * 100_000})
    assert note.read_text() == "old"
    assert names(small_disk) == ["note.json"]


def test_a_note_that_grows_too_large_keeps_the_old_one(tmp_path: Path, room: Callable[[int], None]) -> None:
    note = tmp_path / "note.json"
    note.write_text("old")
    room(4096)
    with pytest.raises(PermanentError, match=r"^note\.json could not be written to [^\n]+\.$"):
        write_json(note, {"a": "x" * 10_000})
    assert note.read_text() == "old"
    assert names(tmp_path) == ["note.json"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(PermanentError, match=r"\(Not a directory\); make the folder writable and run it again\.$"):
        fetch(served, tmp_path / "file" / "landing" / "e.csv.gz")
    assert names(tmp_path) == ["file"]


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Path]:
    """A folder that may not be written; root may write everywhere, so it is nobody for a while."""
    tmp_path.chmod(0o500)
    before = os.geteuid()
    os.seteuid(65534 if before == 0 else before)
    yield tmp_path
    os.seteuid(before)


def test_a_folder_that_may_not_be_written_is_told(locked: Path) -> None:
    with pytest.raises(PermanentError, match=r"\(Permission denied\); make the folder writable and run it again\.$"):
        fetch(served, locked / "e.csv.gz")


def test_a_lock_that_cannot_be_made_is_told(small_disk: Path, tmp_path: Path) -> None:
    with held(small_disk, "cdr_in-2026-09"):
        pass
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with (
        pytest.raises(
            PermanentError, match=r"^A lock could not be written to [^\n]+ \(Read-only file system\); [^\n]+\.$"
        ),
        held(small_disk, "cdr_in-2026-10"),
    ):
        pass


def test_a_commit_of_the_lake_on_a_full_disk_is_told_and_the_month_stays(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=256k", small_disk], check=True)
    lake, schema = Lake(small_disk / "lake"), pa.schema([("n", pa.int64()), ("month", pa.string())])
    old, new = (lake.new_file("t", "2026-10", stem) for stem in ("old", "new"))
    for file in (old, new):
        pq.write_table(pa.table({"n": [1]}), file)
    lake.replace_month("t", "2026-10", [old], schema, {})
    with suppress(OSError), (small_disk / "filler").open("wb", 0) as filler:
        while True:
            filler.write(b"x" * 512)
    with pytest.raises(
        PermanentError, match=r"^The table t could not [^\n]+ \(No space left on device\); free some space [^\n]+\.$"
    ):
        lake.replace_month("t", "2026-10", [new], schema, {})
    (small_disk / "filler").unlink()
    assert Lake(lake.root).version_keys("t") == {"2026-10": "old"}
    lake.replace_month("t", "2026-10", [new], schema, {})
    assert lake.version_keys("t") == {"2026-10": "new"}


def test_a_commit_of_the_lake_that_grows_too_large_is_told(tmp_path: Path, room: Callable[[int], None]) -> None:
    lake, schema = Lake(tmp_path / "lake"), pa.schema([("n", pa.int64()), ("month", pa.string())])
    file = lake.new_file("t", "2026-10", "e")
    pq.write_table(pa.table({"n": [1]}), file)
    room(100)
    with pytest.raises(PermanentError, match=r"\(File too large\); free some space and run it again\.$"):
        lake.replace_month("t", "2026-10", [file], schema, {})


def test_a_disk_that_may_only_be_read_is_told(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(
        PermanentError, match=r"\(Read-only file system\); make the folder writable and run it again\.$"
    ):
        fetch(served, small_disk / "e.csv.gz")
    assert names(small_disk) == []
