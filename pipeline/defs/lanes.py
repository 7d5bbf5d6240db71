"""The lane of a record type: ask -> ready -> file -> calls, one partition per month."""

from collections.abc import Iterator

import dagster as dg

from pipeline.defs import metadata
from pipeline.defs.alarms import difference, tell_of
from pipeline.defs.history import EXPORT_TAG
from pipeline.defs.month_checks import of_load, on_load
from pipeline.defs.outcome import final, told
from pipeline.defs.relations import OWNERS, of_export, of_file, of_schema
from pipeline.errors import GoneError, PermanentError, TransientError
from pipeline.export.protocol import Export
from pipeline.journey import Journey
from pipeline.months import Month


class AskConfig(dg.Config):
    """What a launch may say about asking."""

    again: bool = False
    """Ask anew for months that are sealed."""


class LoadConfig(dg.Config):
    """What a launch may say about loading."""

    force: bool = False
    """Load a month that was refused as it is: too few rows, too many rejected or of another month, an older export."""


def lane(
    journey: Journey, record_type: str, months: dg.PartitionsDefinition[str]
) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """The four assets of one record type."""
    vendor = journey.datasets[record_type].vendor
    ready = dg.AssetSpec(
        [record_type, "ready"],
        deps=[dg.AssetKey([record_type, "export"])],
        partitions_def=months,
        group_name=record_type,
        kinds={vendor},
        owners=OWNERS,
        metadata={"dagster/column_schema": of_export()},
        description=(
            "The vendor says that the export is completed. The sensor reports it; because it stands between "
            "asking and landing, materializing a range of months only asks, and the sensor does the rest."
        ),
    )
    return [
        _export(journey, record_type, months),
        ready,
        _file(journey, record_type, months),
        _calls(journey, record_type, months),
    ]


def _export(journey: Journey, record_type: str, months: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    @dg.asset(
        key=[record_type, "export"],
        partitions_def=months,
        group_name=record_type,
        kinds={journey.datasets[record_type].vendor, "python"},
        owners=OWNERS,
        backfill_policy=dg.BackfillPolicy.single_run(),
        output_required=False,
        metadata={"dagster/column_schema": of_export()},
        description=f"An export of {record_type} under our reference: adopted from the vendor's list, else POSTed.",
    )
    def export(context: dg.AssetExecutionContext, config: AskConfig) -> Iterator[dg.MaterializeResult[None]]:
        months = [Month.parse(key) for key in context.partition_keys]
        with told(context):
            wanted, refused = journey.askable(record_type, months, again=config.again)
            asked = list(journey.ask(record_type, wanted, again=config.again))
        done = {one.request.month: metadata.of_request(one) for one in asked}
        put_off = [month for month in wanted if month not in done]
        for month, shown in done.items():
            if refused or put_off:  # the step is not going to stand for all its months
                context.log_event(dg.AssetMaterialization(context.asset_key, partition=str(month), metadata=shown))
            else:
                context.add_asset_metadata(shown, partition_key=str(month))
        for month in put_off:
            context.log.warning("%s %s: the vendor takes no more for now; the sensor asks again", record_type, month)
        if refused:
            raise final(" ".join(refused))
        if not put_off:
            yield dg.MaterializeResult()

    return export


def _file(journey: Journey, record_type: str, months: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    @dg.asset(
        key=[record_type, "file"],
        deps=[dg.AssetKey([record_type, "ready"])],
        partitions_def=months,
        group_name=record_type,
        kinds={"csv", "python"},
        owners=OWNERS,
        output_required=False,
        metadata={"dagster/column_schema": of_file(journey.tables[record_type])},
        description="The exact bytes served, verified to the last one, and their manifest; never overwritten.",
    )
    def file(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        month = Month.parse(context.partition_key)
        with told(context):
            export = _export_for(journey, record_type, month, context.run.tags.get(EXPORT_TAG))
            if export is None:
                context.log.info("%s %s: no export is ready yet; the sensor will launch this", record_type, month)
                return
            try:
                manifest = journey.land(record_type, month, export)
            except GoneError as error:
                context.log.warning("%s %s: %s The sensor looks for it again.", record_type, month, error)
                return
        yield dg.MaterializeResult(metadata=metadata.of_landing(journey, manifest))

    return file


def _calls(journey: Journey, record_type: str, months: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
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
            "dagster/column_schema": of_schema(journey.schemas[record_type]),
            "dagster/table_name": record_type,
        },
        description=(
            f"The rows of {record_type}, typed; the month is replaced in one commit of the lake, and only if the "
            "control totals of the file are those of what was written."
        ),
    )
    def calls(context: dg.AssetExecutionContext, config: LoadConfig) -> Iterator[dg.MaterializeResult[None]]:
        with told(context):
            loaded = journey.load(record_type, Month.parse(context.partition_key), force=config.force)
        if loaded.converted and loaded.converted.extras:
            context.log.warning("columns that the schema does not know were kept in extra: %s", loaded.converted.extras)
        known = {export.export_id: export for export in journey.known_exports()}
        export = known[loaded.export_id]
        if loaded.previous and loaded.differences and known[loaded.previous].whole:
            tell_of(journey, difference(record_type, context.partition_key, loaded))
        yield dg.MaterializeResult(metadata=metadata.of_loading(journey, loaded, export), check_results=of_load(export))

    return calls


def _export_for(journey: Journey, record_type: str, month: Month, wanted: str | None) -> Export | None:
    """The export that the run was launched for, else the newest one that is ready; None where none is."""
    listed = journey.listed(journey.datasets[record_type].vendor)
    ready = [export for export in journey.ours(record_type, month, listed) if export.ready]
    if wanted is None:
        return ready[-1] if ready else None
    found = next((export for export in ready if export.id == wanted), None)
    if found is None and listed.doubt:
        raise TransientError(f"{record_type} {month}: export {wanted} is not shown now. {listed.doubt}")
    if found is None:
        raise PermanentError(
            f"{record_type} {month}: export {wanted} is no longer in the vendor's list; materialize "
            f"{record_type}/export for the month to ask anew."
        )
    return found
