"""Where the vendor calls back, the sensor looks at the list when it does, and as often as ever when it does not."""

from datetime import timedelta

import dagster as dg
import pytest

from pipeline.definitions import build
from pipeline.operations.wiring import Operations
from pipeline.sandbox import ManualClock, Sandbox
from pipeline.settings import Settings
from pipeline.wake_signal import WakeSignal


@pytest.fixture
def sensing(settings: Settings, clock: ManualClock) -> dg.Definitions:
    called_back = settings.model_copy(update={"didww_callback_url": "https://calls.example.com/didww"})
    return build(Operations(called_back, clock=clock))


def looked(sensing: dg.Definitions, instance: dg.DagsterInstance, sandbox: Sandbox, cursor: str | None) -> str | None:
    """The new cursor where the tick read the list, else None."""
    before = len(sandbox.requests)
    sensor = sensing.resolve_sensor_def("exports_ready")
    result = sensor(dg.build_sensor_context(instance=instance, cursor=cursor, definitions=sensing))
    if isinstance(result, dg.SkipReason):
        assert "No vendor called back" in str(result.skip_message)
        assert len(sandbox.requests) == before
        return None
    assert isinstance(result, dg.SensorResult)
    assert len(sandbox.requests) > before
    return result.cursor


def test_a_ring_has_the_list_read_at_once_and_time_has_it_read_anyway(
    sensing: dg.Definitions,
    settings: Settings,
    instance: dg.DagsterInstance,
    sandbox: Sandbox,
    clock: ManualClock,
) -> None:
    assert sensing.resolve_sensor_def("exports_ready").minimum_interval_seconds == 5
    cursor = looked(sensing, instance, sandbox, None)
    assert cursor
    assert looked(sensing, instance, sandbox, cursor) is None
    WakeSignal(settings.cdr_data_dir / ".locks" / "callback", clock).send()
    assert looked(sensing, instance, sandbox, cursor) is None, "it rang before the list was read"
    clock.advance(timedelta(seconds=1))
    WakeSignal(settings.cdr_data_dir / ".locks" / "callback", clock).send()
    rung = looked(sensing, instance, sandbox, cursor)
    assert rung
    assert looked(sensing, instance, sandbox, rung) is None
    clock.advance(timedelta(seconds=settings.cdr_poll_seconds))
    assert looked(sensing, instance, sandbox, rung)


def test_a_clock_that_was_set_back_does_not_stop_the_looking(
    sensing: dg.Definitions, instance: dg.DagsterInstance, sandbox: Sandbox, clock: ManualClock
) -> None:
    cursor = looked(sensing, instance, sandbox, None)
    clock.advance(-timedelta(days=400))
    assert looked(sensing, instance, sandbox, cursor)


def test_without_callbacks_every_tick_reads_the_list(
    definitions: dg.Definitions, settings: Settings, instance: dg.DagsterInstance, sandbox: Sandbox
) -> None:
    sensor = definitions.resolve_sensor_def("exports_ready")
    assert sensor.minimum_interval_seconds == settings.cdr_poll_seconds
    assert looked(definitions, instance, sandbox, looked(definitions, instance, sandbox, None))
