"""Arrow alone: its CSV reader types the columns, its Parquet writer takes the batches as they come."""

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from tests.benchmarks.samples import Sample, read

TYPES = {
    "TEXT": pa.string(),
    "TIMESTAMP": pa.timestamp("us"),
    "INT32": pa.int32(),
    "SECONDS": pa.int32(),
    "MONEY": pa.decimal128(18, 6),
}


def main(target: Path, *files: Path) -> None:
    """Write each file to Parquet in ``target``."""
    for sample in map(read, files):
        folder = target / sample.record_type
        folder.mkdir(parents=True, exist_ok=True)
        batches = opened(sample)
        with pq.ParquetWriter(folder / f"{sample.month}.parquet", batches.schema, compression="zstd") as out:
            for batch in batches:
                out.write_batch(batch)


def opened(sample: Sample) -> pa.csv.CSVStreamingReader:
    """The file as a stream of typed batches."""
    types = {name: TYPES[kind] for name, kind in sample.columns.items()}
    return pa.csv.open_csv(
        sample.file,
        read_options=pa.csv.ReadOptions(column_names=list(types), skip_rows=1, block_size=8 << 20),
        parse_options=pa.csv.ParseOptions(newlines_in_values=True),
        convert_options=pa.csv.ConvertOptions(
            column_types=types, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=True
        ),
    )


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
