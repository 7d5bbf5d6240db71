"""This pipeline: each archived file typed, checked and committed to the lake, as every load does it."""

import hashlib
import sys
from datetime import UTC, datetime
from pathlib import Path

from pipeline.landing.archive import Archive
from pipeline.landing.manifests import Manifest
from pipeline.months import Month
from pipeline.normalise.didww import TABLES
from pipeline.operations.guards import Guards
from pipeline.operations.load import Replacer
from pipeline.warehouse.lake import Lake
from tests.benchmarks.samples import Sample, read


def main(target: Path, *files: Path) -> None:
    """Load each file into a lake in ``target``."""
    archive, lake = Archive(target / "landing"), Lake(target / "lake")
    for sample in map(read, files):
        Replacer(archive, lake, TABLES, Guards(0.01, 0.01)).replace(_landed(archive, sample), force=False)


def _landed(archive: Archive, sample: Sample) -> Manifest:
    """The manifest of a file that lies in the archive, without its bytes' having been copied."""
    month, export_id = Month.parse(sample.month), f"{sample.record_type}-{sample.month}"
    file = archive.file("didww", sample.record_type, month, export_id)
    file.parent.mkdir(parents=True)
    file.symlink_to(sample.file.resolve())
    then = datetime(2026, 11, 2, tzinfo=UTC)
    return Manifest(
        vendor="didww",
        record_type=sample.record_type,
        month=sample.month,
        export_id=export_id,
        reference="bench",
        window_start=month.start,
        window_end=month.end,
        created_at=then,
        filters={},
        api_version="2026-04-16",
        landed_at=then,
        url="",
        bytes=sample.file.stat().st_size,
        text_bytes=0,
        sha256=hashlib.sha256(export_id.encode()).hexdigest(),
        header="",
    )


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
