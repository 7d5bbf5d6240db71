"""dlt by its fastest exact route: Arrow's typed batches through a pipeline into Parquet files."""

import sys
from collections.abc import Iterator
from pathlib import Path

import dlt
import pyarrow as pa
from dlt.destinations import filesystem

from tests.benchmarks.contestants.pyarrow_alone import opened
from tests.benchmarks.samples import read


def main(target: Path, *files: Path) -> None:
    """Load each file into a dataset of files in ``target``."""
    dlt.config["runtime.dlthub_telemetry"] = False
    pipeline = dlt.pipeline(
        "bench",
        destination=filesystem(bucket_url=target.as_uri()),
        dataset_name="calls",
        pipelines_dir=str(target / "state"),
    )
    for sample in map(read, files):
        batches = opened(sample)

        def rows(batches: pa.csv.CSVStreamingReader = batches) -> Iterator[pa.Table]:
            yield from map(pa.Table.from_batches, ([batch] for batch in batches))

        pipeline.run(rows(), table_name=sample.record_type, loader_file_format="parquet", write_disposition="replace")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
