"""Launch runs for months that a kill or a power cut left half loaded."""

import dagster as dg
from dagster import AssetKey

from pipeline.operations.wiring import Operations


def resumed(operations: Operations) -> list[dg.RunRequest]:
    """Return a run for each half loaded month, at most once an hour, that loads it again."""
    return [
        dg.RunRequest(
            run_key=f"resumed:{record_type}:{month}:{operations.place.clock():%Y-%m-%dT%H}",
            job_name=f"load_{record_type}",
            partition_key=month,
            asset_selection=[AssetKey([record_type])],
        )
        for record_type in operations.place.datasets
        for month in operations.ledger.half_loaded(record_type)
    ]
