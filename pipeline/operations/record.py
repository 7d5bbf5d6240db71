"""What a record of a backfill is told; Dagster's instance keeps one."""

from typing import Protocol

from pipeline.export.exactly_once import Requested
from pipeline.landing.manifests import Manifest
from pipeline.months import Month
from pipeline.operations.load import Loaded
from pipeline.operations.state import Partition
from pipeline.warehouse.queries import Query


class Record(Protocol):
    """Keeps a record of what was done, as Dagster's instance does."""

    def requested(self, partition: Partition, requested: Requested) -> None:
        """Record which export serves a partition."""

    def landed(self, partition: Partition, manifest: Manifest) -> None:
        """Record a landed file."""

    def loaded(self, partition: Partition, loaded: Loaded) -> None:
        """Record what a partition holds."""

    def built(self, query: Query, month: Month) -> None:
        """Record a month of a mart."""

    def published(self) -> None:
        """Record that the warehouse was published."""
