"""Send alarms: for a failed run, for a month that is about to be lost, and for a check that found an error."""

import json
from collections.abc import Iterator, Sequence

import dagster as dg
from dagster._core.storage.tags import WILL_RETRY_TAG

from pipeline.alarms.alarm import (
    Alarm,
    Severity,
    alarm_of_check,
    alarm_of_deadline,
    alarm_of_difference,
    alarm_of_failure,
)
from pipeline.alarms.channels import Channel, Delivery, Mail, Webhook, tell
from pipeline.operations.load import Loaded
from pipeline.operations.wiring import Operations
from pipeline.settings import Settings
from pipeline.warehouse.coverage import at_risk

_SILENT = "No alarm is sent: neither CDR_ALARM_WEBHOOK nor CDR_SMTP_URL is set."
_HOUR = 3600
_PARTITION = "dagster/partition"
_RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


def alarm_sensors(operations: Operations) -> list[dg.SensorDefinition]:
    """Return the sensors that send alarms; without a channel they do nothing."""
    return [_failure_sensor(operations), _standing_sensor(operations)]


def tell_of(operations: Operations, alarm: Alarm) -> Delivery:
    """Send one alarm on every channel that the settings name; raises nothing."""
    return tell(alarm, channels(operations.settings), operations.place.keys())


def tell_difference(operations: Operations, record_type: str, month: str, loaded: Loaded) -> None:
    """Send an alarm about a re-export that changed a month which was loaded as a whole before.

    Args:
        operations: The operations of the installation.
        record_type: The dataset.
        month: The month, such as 2026-10.
        loaded: What was loaded.
    """
    if loaded.previous and loaded.differences:
        before = {export.export_id: export for export in operations.ledger.exports()}[loaded.previous]
        if before.whole:
            tell_of(operations, _difference(record_type, month, loaded))


def _difference(record_type: str, month: str, loaded: Loaded) -> Alarm:
    days = loaded.differences
    return alarm_of_difference(
        record_type=record_type,
        month=month,
        previous_export_id=loaded.previous or "",
        export_id=loaded.export_id,
        days=[day.day for day in days],
        rows_added=sum(day.rows_added for day in days),
        rows_gone=sum(day.rows_gone for day in days),
        rows_changed=sum(day.rows_changed for day in days),
    )


def channels(settings: Settings) -> list[Channel]:
    """Return the channels that the settings name."""
    hook, server = settings.cdr_alarm_webhook.get_secret_value(), settings.cdr_smtp_url.get_secret_value()
    named: list[Channel] = [Webhook(hook)] if hook else []
    if server:
        named.append(Mail(server, settings.cdr_alarm_email_from, settings.cdr_alarm_email_to))
    return named


def _failure_sensor(operations: Operations) -> dg.SensorDefinition:
    @dg.run_failure_sensor(
        name="tell_of_failures",
        default_status=dg.DefaultSensorStatus.RUNNING,
        monitor_all_code_locations=True,  # else runs of `cdr backfill`, which have no code location, are not seen
        description="Sends an alarm for each failed run, unless Dagster repeats it.",
    )
    def tell_of_failures(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
        if not channels(operations.settings):
            return dg.SkipReason(_SILENT)
        if context.dagster_run.tags.get(WILL_RETRY_TAG) == "true":
            return None
        alarm = _alarm_of(context.dagster_run, context.get_step_failure_events(), list(operations.place.datasets))
        delivery = tell_of(operations, alarm)
        # this ends the tick: with a dead channel, the waits of five failures would exceed its minute
        return dg.SkipReason(_undelivered(delivery)) if delivery.problems else None

    return tell_of_failures


def _standing_sensor(operations: Operations) -> dg.SensorDefinition:
    @dg.sensor(
        name="tell_of_deadlines",
        minimum_interval_seconds=_HOUR,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Sends one alarm for each month that is about to be lost, and for each check that began to fail.",
    )
    def tell_of_deadlines(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        if not channels(operations.settings):
            return dg.SkipReason(_SILENT)
        failed, over = _checks(context)
        told = [key for key in json.loads(context.cursor or "[]") if key not in over]
        return _tell_news(operations, [*_deadlines(operations), *failed], told)

    return tell_of_deadlines


def _tell_news(operations: Operations, standing: Sequence[Alarm], told: Sequence[str]) -> dg.SensorResult:
    """Send the alarms that were not sent yet, errors first; the cursor holds the keys of those that were."""
    kept, said = list(told), "There is no new alarm."
    for alarm in sorted(standing, key=lambda alarm: alarm.severity is not Severity.ERROR):
        if alarm.key in kept:
            continue
        delivery = tell_of(operations, alarm)
        kept += [alarm.key] if delivery.sent else []
        said = f"Sent: {alarm.title}."
        if delivery.problems:  # a dead channel costs half of the tick's minute: the others follow in an hour
            said = _undelivered(delivery)
            break
    return dg.SensorResult(cursor=json.dumps(kept), skip_reason=said)


def _deadlines(operations: Operations) -> Iterator[Alarm]:
    for row in operations.ledger.coverage():
        level = at_risk(row)
        if level and row.days_left is not None and row.dropped_on:
            yield alarm_of_deadline(
                severity=Severity(level),
                record_type=row.record_type,
                month=row.month,
                state=row.state,
                rows=row.rows,
                days_left=row.days_left,
                dropped_on=row.dropped_on,
            )


def _checks(context: dg.SensorEvaluationContext) -> tuple[list[Alarm], set[str]]:
    """Return an alarm for each check whose latest evaluation is an error, and the keys of those that passed.

    A check that is being evaluated is neither. Checks of single months are left out: ``_deadlines`` covers them.
    """
    graph = context.repository_def.asset_graph if context.repository_def else None
    failed, well = [], set()
    for key in sorted(graph.unpartitioned_assets_def_asset_check_keys if graph else ()):
        record = context.instance.get_latest_asset_check_evaluation_record(key)
        found = record.evaluation if record else None
        if record and isinstance(found, dg.AssetCheckEvaluation):  # another type while the check is planned
            rows = found.metadata.get("rows")
            count = rows.value if isinstance(rows, dg.IntMetadataValue) else None
            alarm = alarm_of_check(check=key.name, rows=count, run_id=record.run_id)
            if found.passed or found.severity is not dg.AssetCheckSeverity.ERROR:
                well.add(alarm.key)
            else:
                failed.append(alarm)
    return failed, well


def _alarm_of(run: dg.DagsterRun, failures: Sequence[dg.DagsterEvent], record_types: Sequence[str]) -> Alarm:
    first = failures[0] if failures else None
    step = first.step_key if first and first.step_key else ""
    single = run.tags.get(_PARTITION)
    start, end = (run.tags.get(tag, single) for tag in _RANGE)
    return alarm_of_failure(
        job=run.job_name,
        run_id=run.run_id,
        reason=_reason(first) if first else "Its process ended before the run did, or could not be started.",
        record_type=next((kind for kind in record_types if step.partition("__")[0] == kind), None),
        months=(start, end) if start and end else None,
    )


def _reason(event: dg.DagsterEvent) -> str:
    """Return the sentence of the step's failure; of an unexpected error only its type, as its text may hold calls."""
    told = event.step_failure_data.user_failure_data
    if told and told.description:
        return told.description
    error = event.step_failure_data.error
    while error and error.cause:
        error = error.cause
    kind = error.cls_name if error and error.cls_name else "no reason"
    return f"{event.step_key} failed unexpectedly ({kind})."


def _undelivered(delivery: Delivery) -> str:
    return f"An alarm was sent on {delivery.sent} channels, and failed on others: {' '.join(delivery.problems)}"
