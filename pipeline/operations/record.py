"""The events of a backfill that are recorded; ``defs/record.py`` records them in Dagster's instance."""

from typing import Protocol

from pipeline.export.exactly_once import Requested
from pipeline.landing.manifests import Manifest
from pipeline.months import Month
from pipeline.operations.load import Loaded
from pipeline.operations.state import Partition
from pipeline.warehouse.queries import Query


class Record(Protocol):
    """Records what a backfill did."""

    def requested(self, partition: Partition, requested: Requested) -> None:
        """Record which export serves a partition."""

    def landed(self, partition: Partition, manifest: Manifest) -> None:
        """Record a landed file."""

    def loaded(self, partition: Partition, loaded: Loaded) -> None:
        """Record a loaded partition."""

    def built(self, query: Query, month: Month) -> None:
        """Record a built month of a mart."""

    def published(self) -> None:
        """Record that the warehouse was published."""
