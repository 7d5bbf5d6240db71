"""The ingest assets of a dataset: export -> ready -> file -> table, one partition per month."""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from pipeline.defs import metadata
from pipeline.defs.alarms import tell_difference
from pipeline.defs.handover import received
from pipeline.defs.history import EXPORT_TAG
from pipeline.defs.month_checks import of_load, on_load
from pipeline.defs.outcome import told
from pipeline.defs.relations import OWNERS, of_export, of_file, of_schema
from pipeline.errors import GoneError, PermanentError, TransientError
from pipeline.export.protocol import Export
from pipeline.months import Month
from pipeline.operations.wiring import Operations


class AskConfig(dg.Config):
    """The run configuration of a request."""

    again: bool = False
    """Request a new export, also of months that are sealed."""


class FileConfig(dg.Config):
    """The run configuration of a landing."""

    export: str = ""
    """The export to land, as the tick that launched the run saw it; empty reads the vendor's list."""


class LoadConfig(dg.Config):
    """The run configuration of a load."""

    force: bool = False
    """Load also what a guard refuses: too few rows, too many rejected or of another month, an older export."""


def lane(
    operations: Operations, record_type: str, months: dg.PartitionsDefinition[str]
) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """Return the four assets of one dataset.

    Args:
        operations: The operations of the installation.
        record_type: The dataset.
        months: The partitions.
    """
    vendor = operations.place.datasets[record_type].vendor
    ready = dg.AssetSpec(
        [record_type, "ready"],
        deps=[dg.AssetKey([record_type, "export"])],
        partitions_def=months,
        group_name=record_type,
        kinds={vendor},
        owners=OWNERS,
        metadata={"dagster/column_schema": of_export()},
        description=(
            "The vendor says that the export is completed. The sensor reports this. Materializing a range of months "
            "only requests their exports; the sensor then launches landing and loading."
        ),
    )
    return [
        _export(operations, record_type, months),
        ready,
        _file(operations, record_type, months),
        _calls(operations, record_type, months),
    ]


def _export(operations: Operations, record_type: str, months: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    @dg.asset(
        key=[record_type, "export"],
        partitions_def=months,
        group_name=record_type,
        kinds={operations.place.datasets[record_type].vendor, "python"},
        owners=OWNERS,
        backfill_policy=dg.BackfillPolicy.single_run(),
        output_required=False,
        metadata={"dagster/column_schema": of_export()},
        description=f"An export of {record_type} under our reference: adopted from the vendor's list, else POSTed.",
    )
    def export(context: dg.AssetExecutionContext, config: AskConfig) -> Iterator[dg.MaterializeResult[None]]:
        months = [Month.parse(key) for key in context.partition_keys]
        with told(context):
            made = operations.requester.request(record_type, months, force_new=config.again)
        done = {one.request.month: metadata.of_requesting(one) for one in made.done}
        whole = not (made.refused or made.queued)  # else the step must not materialize all its months
        for month, shown in done.items():
            if whole:
                context.add_asset_metadata(shown, partition_key=str(month))
            else:
                context.log_event(dg.AssetMaterialization(context.asset_key, partition=str(month), metadata=shown))
        for month in made.queued:
            context.log.warning(
                "%s %s: the vendor takes no more requests now; the sensor requests it later", record_type, month
            )
        with told(context):
            made.all()
        if whole:
            yield dg.MaterializeResult()

    return export


def _file(operations: Operations, record_type: str, months: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    @dg.asset(
        key=[record_type, "file"],
        deps=[dg.AssetKey([record_type, "ready"])],
        partitions_def=months,
        group_name=record_type,
        kinds={"csv", "python"},
        owners=OWNERS,
        output_required=False,
        metadata={"dagster/column_schema": of_file(operations.place.tables[record_type])},
        description="The exact bytes served, verified to the last one, and their manifest; never overwritten.",
    )
    def file(context: dg.AssetExecutionContext, config: FileConfig) -> Iterator[dg.MaterializeResult[None]]:
        month = Month.parse(context.partition_key)
        with told(context):
            wanted = context.run.tags.get(EXPORT_TAG)
            export = None if context.retry_number else _handed_over(operations, record_type, month, wanted, config)
            export = export or _export_for(operations, record_type, month, wanted)
            if export is None:
                context.log.info("%s %s: no export is ready yet; the sensor will launch this", record_type, month)
                return
            try:
                manifest = operations.lander.land(record_type, month, export)
            except GoneError as error:
                context.log.warning("%s %s: %s The sensor looks for it again.", record_type, month, error)
                return
        yield dg.MaterializeResult(metadata=metadata.of_landing(operations, manifest))

    return file


def _calls(operations: Operations, record_type: str, months: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    @dg.asset(
        key=[record_type],
        deps=[dg.AssetKey([record_type, "file"])],
        partitions_def=months,
        group_name=record_type,
        kinds={"pandas", "parquet", "deltalake"},
        owners=OWNERS,
        check_specs=on_load(record_type, months),
        pool="load",
        metadata={
            "dagster/column_schema": of_schema(operations.place.schemas[record_type]),
            "dagster/table_name": record_type,
        },
        description=(
            f"The rows of {record_type}, typed. The month is replaced in one commit of the lake, and only if the "
            "control totals of the file equal those of the written rows."
        ),
    )
    def calls(context: dg.AssetExecutionContext, config: LoadConfig) -> Iterator[dg.MaterializeResult[None]]:
        with told(context):
            loaded = operations.loader.load(record_type, Month.parse(context.partition_key), force=config.force)
        if loaded.converted and loaded.converted.extras:
            context.log.warning("columns that the schema does not know were kept in extra: %s", loaded.converted.extras)
        shown, checks = metadata.of_loading(operations, loaded), of_load(metadata.export_of(operations, loaded))
        tell_difference(operations, record_type, context.partition_key, loaded)
        yield dg.MaterializeResult(metadata=shown, check_results=checks)

    return calls


def _handed_over(
    operations: Operations, record_type: str, month: Month, wanted: str | None, config: FileConfig
) -> Export | None:
    """Return the export that the tick handed over, if it is the one that the run is for, and of its month."""
    export = received(config.export, datetime.now(UTC))
    if export is None or export.id != wanted:
        return None
    return next(iter(operations.listings.ours(record_type, month, [export])), None)


def _export_for(operations: Operations, record_type: str, month: Month, wanted: str | None) -> Export | None:
    """Return the export that the run was launched for, else the newest ready one; None if no export is ready."""
    listed = operations.listings.read(operations.place.datasets[record_type].vendor)
    ready = [export for export in operations.listings.ours(record_type, month, listed) if export.ready]
    if wanted is None:
        return ready[-1] if ready else None
    found = next((export for export in ready if export.id == wanted), None)
    if found is None and listed.doubt:
        raise TransientError(f"{record_type} {month}: export {wanted} is not shown now. {listed.doubt}")
    if found is None:
        raise PermanentError(
            f"{record_type} {month}: export {wanted} is no longer in the vendor's list; materialize "
            f"{record_type}/export for the month to request another."
        )
    return found
