"""What is archived is personal data: only its owner can read it, whatever the umask says."""

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.operations.verify import findings
from pipeline.operations.wiring import Operations
from pipeline.settings import Settings
from pipeline.storage import exposed, private_file, private_folder
from pipeline.wake_signal import WakeSignal
from tests.landing.test_packed import TEXT, land


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that every user of the machine can enter."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def operations(data: Path) -> Operations:
    return Operations(Settings(_env_file=None, cdr_data_dir=data))


def test_an_archived_file_and_its_notes_are_their_owners(tmp_path: Path) -> None:
    file, _ = land(tmp_path, TEXT)
    assert mode(file) == 0o600
    with private_file(tmp_path / "note", "w") as out:
        out.write("Łódź")
    assert (mode(tmp_path / "note"), (tmp_path / "note").read_text("utf-8")) == (0o600, "Łódź")


def test_the_data_folder_is_its_owners_wherever_it_is_made_first(public: Path) -> None:
    with operations(public / "a" / "by a lock").place.locked("x"):
        assert mode(public / "a" / "by a lock") == 0o700
    WakeSignal.of(public / "by a callback").send()
    assert mode(public / "by a callback") == 0o700
    script = (
        "from pipeline.defs.home import prepare_home; from pipeline.settings import Settings; from pathlib import Path;"
        f"prepare_home(Settings(_env_file=None, cdr_data_dir=Path({str(public / 'by the UI')!r})))"
    )
    env = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    subprocess.run([sys.executable, "-c", script], check=True, env=env)
    assert mode(public / "by the UI") == 0o700


def test_a_folder_that_was_opened_to_a_group_stays_so(public: Path) -> None:
    (public / "data").mkdir()
    (public / "data").chmod(0o750)
    private_folder(public / "data")
    assert mode(public / "data") == 0o750
    assert not exposed(public / "data")


@pytest.mark.parametrize("bits", [0o755, 0o711, 0o704])
def test_a_folder_that_every_user_can_look_into_is_told_of(public: Path, bits: int) -> None:
    data = public / "data"
    assert list(findings(operations(data).place)) == []
    data.mkdir()
    data.chmod(bits)
    assert list(findings(operations(data).place)) == [
        f"Every user of this machine can read the personal data in {data}; run `chmod o-rwx` on it."
    ]
    public.chmod(0o700)  # who cannot come there cannot look into it
    assert list(findings(operations(data).place)) == []


def test_what_is_wrong_in_the_archive_is_told_of_without_reading_its_files(tmp_path: Path) -> None:
    file = tmp_path / "data" / "landing" / "didww" / "cdr_in" / "2026-10" / "6e1f.csv.gz"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"without a manifest")
    assert list(findings(operations(tmp_path / "data").place)) == [
        "1 wrong in the archive: didww/cdr_in/2026-10/6e1f.csv.gz: it has no manifest. Run `cdr verify`."
    ]
