"""Record a backfill in Dagster's instance: what was done to each month, as events of one run."""

import logging
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, ParamSpec

import dagster as dg

from pipeline.defs import metadata
from pipeline.defs.alarms import tell_difference
from pipeline.defs.checks import evaluated
from pipeline.defs.marts import of_month
from pipeline.defs.month_checks import at_deadline, of_load
from pipeline.defs.published import WAREHOUSE, metadata_of_publishing
from pipeline.defs.relations import key_of
from pipeline.errors import sentence
from pipeline.export.exactly_once import Requested
from pipeline.landing.manifests import Manifest
from pipeline.months import Month
from pipeline.operations.load import Loaded
from pipeline.operations.state import Partition
from pipeline.operations.wiring import Operations
from pipeline.warehouse.preview import Viewer
from pipeline.warehouse.queries import Query

_LOG = logging.getLogger(__name__)
_Arguments = ParamSpec("_Arguments")


def _unfailing(record: Callable[_Arguments, None]) -> Callable[_Arguments, None]:
    """Return the function with its errors logged, not raised: the plan reads no record."""

    @wraps(record)
    def made(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> None:
        try:
            record(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - any error about a record: nothing depends on it
            _LOG.warning("A step could not be recorded in Dagster: %s", sentence(error))

    return made


class RunRecord:
    """Records each step as a materialization, and each check, of the assets that the UI shows.

    Args:
        operations: The operations of the installation.
        context: The context of the run's step.
    """

    def __init__(self, operations: Operations, context: dg.OpExecutionContext) -> None:
        self._operations = operations
        self._context = context

    @_unfailing
    def requested(self, partition: Partition, requested: Requested) -> None:
        """Record which export serves a partition."""
        self._log([partition.dataset, "export"], metadata.of_requesting(requested), partition.month)

    @_unfailing
    def landed(self, partition: Partition, manifest: Manifest) -> None:
        """Record a landed file."""
        self._log([partition.dataset, "file"], metadata.of_landing(self._operations, manifest), partition.month)

    @_unfailing
    def loaded(self, partition: Partition, loaded: Loaded) -> None:
        """Record a loaded partition and the checks of its load; send an alarm for a re-export that differs."""
        key, month = dg.AssetKey([partition.dataset]), str(partition.month)
        tell_difference(self._operations, partition.dataset, month, loaded)
        self._log(key.path, metadata.of_loading(self._operations, loaded), partition.month)
        checks = of_load(metadata.export_of(self._operations, loaded))
        for check in [*checks, at_deadline(self._operations, partition.dataset, month)]:
            self._report(check, key, month)

    @_unfailing
    def built(self, query: Query, month: Month) -> None:
        """Record a built month of a mart; the newest month with a preview, which the UI shows for the mart.

        The origins of columns are left out: reading them from the SQL would take longer than the whole backfill.
        """
        shown: dict[str, Any] = {"changed": True}
        if month == self._operations.ledger.months()[-1]:
            with Viewer(self._operations.place.lake) as viewer:
                shown |= of_month(viewer, query, str(month), self._operations.settings)
        self._log(key_of(query.name).path, shown, month)

    @_unfailing
    def published(self) -> None:
        """Record that the warehouse was published, every relation that publishing makes, and its checks."""
        for name, shown in metadata_of_publishing(self._operations).items():
            self._log(key_of(name).path, shown)
        for check in evaluated(self._operations.place.warehouse):
            self._report(check, WAREHOUSE)

    def _report(self, check: dg.AssetCheckResult, key: dg.AssetKey, month: str | None = None) -> None:
        self._context.instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=key,
                check_name=str(check.check_name),
                passed=check.passed,
                metadata=check.metadata,
                severity=check.severity,
                partition=month,
            )
        )

    def _log(self, key: Sequence[str], shown: dict[str, Any], month: Month | None = None) -> None:
        partition = str(month) if month else None
        self._context.log_event(dg.AssetMaterialization(dg.AssetKey(key), partition=partition, metadata=shown))
