"""One file or manifest that is missing, cut or foreign costs its own month, and is named; all others come back."""

import gzip
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.cli import main
from pipeline.months import Month
from pipeline.operations.wiring import Operations
from pipeline.sandbox import ManualClock, Sandbox
from pipeline.settings import Settings
from tests.didww import client
from tests.integration.totals import KEY, MONTHS, NOW, bring_in, published
from tests.landing.test_packed import forged

pytestmark = pytest.mark.slow

Cdr = Callable[..., Result]
Place = tuple[str, Month]
PLACES: list[Place] = [(record_type, month) for month in MONTHS for record_type in ("cdr_in", "cdr_out")]

HARM: dict[str, Callable[[Path], object]] = {
    "a cut file": lambda file: file.write_bytes(file.read_bytes()[:-9]),
    "a file that cannot be read": lambda file: file.write_bytes(forged(flags=1)),
    "no file": lambda file: file.unlink(),
    "a torn manifest": lambda file: manifest(file).write_bytes(manifest(file).read_bytes()[:200]),
    "no manifest": lambda file: manifest(file).unlink(),
}
HARMED = dict(zip(HARM, PLACES[:-1], strict=True))
WHOLE = PLACES[-1]


def manifest(file: Path) -> Path:
    return file.with_name(file.name.replace(".csv.gz", ".landed.json"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operations]:
    """Three months of both record types, published."""
    clock = ManualClock(NOW)
    with Sandbox(
        calls_per_day=1, clock=clock, pending=timedelta(0), processing=timedelta(0), api_key=KEY, rate_limit=None
    ) as vendor:
        settings = Settings(_env_file=None, cdr_data_dir=tmp_path_factory.mktemp("made"))
        operations = Operations(settings, {"didww": client(vendor.url, KEY)}, clock)
        for record_type, month in PLACES:
            bring_in(operations, record_type, month)
        operations.rebuilder.refresh()
        yield operations


@pytest.fixture
def operations(made: Operations, tmp_path: Path) -> Operations:
    """A copy of that data directory."""
    shutil.copytree(made.settings.cdr_data_dir, tmp_path / "data")
    settings = Settings(_env_file=None, cdr_data_dir=tmp_path / "data")
    return Operations(settings, made.vendors, made.place.clock)


@pytest.fixture
def cdr(operations: Operations, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cdr:
    """The command, over the data directory."""
    monkeypatch.chdir(tmp_path)
    env = {"CDR_DATA_DIR": str(operations.settings.cdr_data_dir), "DIDWW_API_KEY": KEY}
    return lambda *arguments: CliRunner().invoke(main, arguments, env=env)


def file_of(operations: Operations, place: Place) -> Path:
    (found,) = (operations.place.archive.root / "didww" / place[0] / str(place[1])).glob("*.csv.gz")
    return found


def told(result: Result, place: Place) -> bool:
    assert result.exit_code == 1, result.output
    assert result.stderr.count("\n") == 1
    return f"{place[0]} {place[1]}: " in result.stderr or f"{place[0]}/{place[1]}/" in result.stderr


def test_each_month_stands_alone_and_manifests_are_made_again_from_files(
    made: Operations, operations: Operations, cdr: Cdr
) -> None:
    for harm, place in HARMED.items():
        HARM[harm](file_of(operations, place))
    shutil.rmtree(operations.settings.cdr_data_dir / "lake")
    rebuilt, verified = cdr("rebuild"), cdr("verify")
    for harm, place in HARMED.items():
        assert told(rebuilt, place), harm
        assert told(verified, place), harm
    assert [line.split()[:2] for line in rebuilt.stdout.splitlines()] == [[str(WHOLE[1]), WHOLE[0]]]
    assert published(operations, *WHOLE) == published(made, *WHOLE)
    assert cdr("status").exit_code == 0

    mended = cdr("verify", "--repair")
    assert mended.stdout.count("a new checksum is that of the file as it was found") == 2
    for harm, place in HARMED.items():
        assert told(mended, place) == ("manifest" not in harm)
    rebuilt = cdr("rebuild")
    for harm, place in HARMED.items():
        assert told(rebuilt, place) == ("manifest" not in harm)
        if "manifest" in harm:
            assert published(operations, *place) == published(made, *place)


def test_a_number_is_erased_wherever_it_can_be_and_the_rest_is_named(operations: Operations, cdr: Cdr) -> None:
    number = gzip.decompress(file_of(operations, WHOLE).read_bytes()).decode().splitlines()[1].split(",")[4]
    assert number.strip("+").isdigit()
    for harm, place in HARMED.items():
        HARM[harm](file_of(operations, place))
    erased = cdr("erase", number, "--yes")
    for harm, place in HARMED.items():
        assert told(erased, place), harm
    assert number not in gzip.decompress(file_of(operations, WHOLE).read_bytes()).decode()
    assert [one for one in operations.place.archive.landed() if one.erased]


def test_a_file_that_was_changed_is_never_mended(operations: Operations, cdr: Cdr) -> None:
    file = file_of(operations, WHOLE)
    file.write_bytes(gzip.compress(gzip.decompress(file.read_bytes())[:-1]))
    assert [told(cdr("verify", "--repair"), WHOLE) for _ in range(2)] == [True, True]


def test_folders_that_are_no_months_stop_nothing(operations: Operations, cdr: Cdr) -> None:
    for name in ("2026-13", "abcd-ef", "lost+found"):
        (operations.place.archive.root / "didww" / "cdr_in" / name).mkdir()
        (operations.place.archive.root / "didww" / "cdr_in" / name / "x.csv.gz").write_bytes(b"x")
    for command in (("status",), ("retain", "--dry-run")):
        result = cdr(*command)
        assert result.exit_code == 0, result.output
    named = cdr("verify")
    assert named.exit_code == 1
    assert named.stderr.count("it does not belong in the archive") == 3


def test_without_the_lake_a_month_that_is_refused_comes_back_when_it_is_forced(
    operations: Operations, cdr: Cdr
) -> None:
    file = file_of(operations, WHOLE)
    file.write_bytes(gzip.compress(gzip.decompress(file.read_bytes()).replace(b"\n2026-", b"\n?-")))
    shutil.rmtree(operations.place.lake.root)
    refused = cdr("rebuild")
    assert told(refused, WHOLE)
    assert "`cdr rebuild --force`" in refused.stderr
    assert str(WHOLE[1]) not in operations.ledger.loaded(WHOLE[0])
    forced = cdr("rebuild", "--force")
    assert forced.exit_code == 0, forced.output
    assert operations.ledger.loaded(WHOLE[0])[str(WHOLE[1])] == file.name.partition(".")[0]
