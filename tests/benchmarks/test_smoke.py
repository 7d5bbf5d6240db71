import csv
import gzip
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import pytest

from pipeline.sandbox import COLUMNS, Sandbox
from tests.benchmarks import contest, report
from tests.benchmarks.contest import Entry
from tests.benchmarks.generator import file as generator
from tests.benchmarks.measure import run
from tests.benchmarks.samples import Sample, read
from tests.benchmarks.verify import written

ROWS = 2_000
NEEDS = {"polars_sink": "polars", "dlt_arrow": "dlt"}


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exports")


def export(folder: Path, record_type: str, *, bad: bool = False) -> Sample:
    made = folder / f"{record_type}{'-bad' if bad else ''}.csv.gz"
    if not made.exists():
        generator.write(made, record_type, "2026-10", ROWS, bad=bad)
    return read(made)


def records(file: Path) -> list[list[str]]:
    with gzip.open(file, "rt", encoding="utf-8", newline="") as text:
        return list(csv.reader(text))


def vocabulary(rows: Sequence[Sequence[str]], column: int) -> set[str]:
    return {row[column] for row in rows}


@pytest.mark.parametrize("record_type", ["cdr_in", "cdr_out"])
@pytest.mark.parametrize("name", ["ours", "duckdb_copy", "pyarrow_alone", "pandas_naive", "polars_sink", "dlt_arrow"])
def test_every_contestant_ends_with_the_rows_of_the_export(
    name: str, record_type: str, exports: Path, tmp_path: Path
) -> None:
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    sample = export(exports, record_type)
    import_module(f"tests.benchmarks.contestants.{name}").main(tmp_path, sample.file)
    assert written(tmp_path, sample) > 0


def test_a_contestant_that_loses_a_row_is_found_out(exports: Path, tmp_path: Path) -> None:
    sample = export(exports, "cdr_out")
    import_module("tests.benchmarks.contestants.duckdb_copy").main(tmp_path, sample.file)
    longer = Sample(**{**vars(sample), "truth": {**sample.truth, "count(*)": ROWS + 1}})
    with pytest.raises(ValueError, match="does not hold"):
        written(tmp_path, longer)


@pytest.mark.parametrize("record_type", ["cdr_in", "cdr_out"])
def test_a_hundredth_of_the_records_of_a_bad_export_cannot_be_typed(
    record_type: str, exports: Path, tmp_path: Path
) -> None:
    sample = export(exports, record_type, bad=True)
    assert sample.bad_rows == ROWS // generator.BAD_EVERY
    import_module("tests.benchmarks.contestants.ours").main(tmp_path, sample.file)
    assert written(tmp_path, sample) > 0


@pytest.mark.parametrize("record_type", ["cdr_in", "cdr_out"])
def test_an_export_looks_like_one_of_the_sandbox(record_type: str, exports: Path) -> None:
    header, *made = records(export(exports, record_type).file)
    assert header == list(COLUMNS[record_type])
    assert len(made) == ROWS
    served = sandboxed(record_type)
    words = [at for at in range(len(header)) if len(vocabulary(served, at)) <= 60]
    assert len(words) >= 8
    for at in words:
        strange = vocabulary(made, at) - vocabulary(served, at)
        assert len(strange) <= 3, header[at]  # what is rare in both


def sandboxed(record_type: str) -> list[tuple[str, ...]]:
    from datetime import date

    with Sandbox(calls_per_day=3_000) as sandbox:
        source = sandbox._ledger.sources[record_type]
        return [record.cells for day in (5, 6, 10) for record in source.day(date(2026, 10, day))]


def test_the_race_is_run_by_processes_and_told_in_a_table(
    exports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contest, "BUILD", tmp_path)
    sample = export(exports, "cdr_out")
    entries = {name: Entry(name, [sample]) for name in ("ours", "duckdb_copy", "pyarrow_alone")}
    found = contest.contest(1, entries)
    on = {"day": "", "processor": "", "cores": 2, "memory_gb": 1, "system": "", "load": 0, "rounds": 1, "versions": {}}
    told = report.tables({"race": {str(ROWS): {"on": on, **found}}})["race"]
    assert "| **this pipeline** |" in told
    assert "| DuckDB `COPY` |" in told
    assert all(one["bytes"] > 0 for one in found.values())
    assert not list((tmp_path / "work").iterdir())


def test_a_process_is_measured_by_the_kernel() -> None:
    used = run(sys.executable, "-c", "held = bytearray(300_000_000); sum(range(3_000_000))")
    assert used.peak_mb > 300
    assert 0 < used.cpu <= used.wall * 1.5
