from pathlib import Path

import pytest

from pipeline.warehouse.queries import models
from tests.benchmarks.contestants import ours
from tests.benchmarks.generator import file as generator
from tests.benchmarks.inside import marts, publishing, steps, tick
from tests.benchmarks.samples import MONTH, Sample, read
from tests.benchmarks.scenes import ALL, SCENES, SIZED
from tests.benchmarks.tables import TABLES

ROWS = 2_000


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    generator.write(tmp_path / "export.csv.gz", "cdr_out", MONTH, ROWS, bad=False)
    return read(tmp_path / "export.csv.gz")


def test_every_scene_has_a_table_and_a_place_among_all() -> None:
    assert TABLES.keys() == SCENES.keys() == {scene.__name__ for scene, _, _ in ALL}
    assert {scene.__name__ for scene in SIZED} < SCENES.keys()


def test_the_steps_of_a_conversion_can_be_told_apart(sample: Sample, tmp_path: Path) -> None:
    seconds = steps.measured(sample, tmp_path / "steps")
    assert len(seconds) == 8
    assert {"CSV to text", "text to types", "control totals", "encoding"} < seconds.keys()


@pytest.mark.slow
def test_a_mart_is_built_and_run_by_hand(sample: Sample, tmp_path: Path) -> None:
    folder = tmp_path / "marts"
    generator.write(tmp_path / "in.csv.gz", "cdr_in", MONTH, ROWS, bad=False)
    ours.main(folder, sample.file, tmp_path / "in.csv.gz")
    marts.prepare(folder)
    for query in models():
        assert all(len(way(folder, query)) == 3 for way in (marts.ours, marts.load, marts.by_hand))


@pytest.mark.slow
def test_a_warehouse_grows_until_it_has_the_files(tmp_path: Path) -> None:
    seconds = publishing.measured(tmp_path, 2, 10, 40)
    assert [len(each) for each in seconds.values()] == [2, 2]
    assert int(list(seconds)[-1]) >= 40


def test_a_tick_asks_once_for_each_page(tmp_path: Path) -> None:
    [first] = tick.measured(tmp_path, 150, 1)
    assert first["requests"] == 2
    assert first["launched"] == 6
