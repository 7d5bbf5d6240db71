"""The demo: a local vendor, three months loaded from it, tables of them, then Dagster's UI and daemon."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from pydantic import SecretStr
from rich.console import Console

from pipeline.commands.show import coverage_table, progress, table
from pipeline.commands.ui import Dagster
from pipeline.defs.backfill import bring_in
from pipeline.errors import PermanentError
from pipeline.months import Month, month_range
from pipeline.operations.state import Partition
from pipeline.operations.wiring import Operations
from pipeline.settings import Settings
from pipeline.warehouse.questions import question
from pipeline.warehouse.reading import ask

TABLES = {
    "Traffic by month": "demo.traffic_by_month",
    "The five DIDs that cost most": "demo.dids_by_cost",
    "Trunks in the last full month": "demo.trunks",
}
"""The tables that are printed: the query of each title."""

_KEY = "sandbox-key"


def run_demo(settings: Settings, port: int, console: Console, *, stay: bool) -> None:
    """Load the three months that a vendor has, print tables of them, and start the UI.

    Args:
        settings: The settings; data directory, vendor and alarms are replaced by those of the demo.
        port: The port of the UI.
        console: Prints progress and tables.
        stay: Keep the UI running until Ctrl-C.
    """
    began = time.monotonic()
    with ExitStack() as stack:
        url = stack.enter_context(_sandbox())
        own = _own(settings, url)
        operations = Operations(own)
        console.print(f"A local vendor answers at {url}.", highlight=False)
        running = Month.of(operations.place.clock())
        months = month_range(running.shift(-2), running)
        partitions = [Partition(name, month) for month in months for name in operations.place.datasets]
        if failed := bring_in(operations, partitions, progress(console)):
            raise PermanentError("; ".join(failed.values()))
        _print_tables(operations, console)
        _write_reports(operations, console)
        took = time.monotonic() - began
        console.print(
            f"\n{operations.place.warehouse} is yours to query, after {took:.0f} s. Dagster starts …", highlight=False
        )
        # only now: a daemon that started earlier would load the same months too
        dagster = stack.enter_context(Dagster(own, port))
        dagster.wait_until_it_answers()
        console.print(f"Dagster's UI is at {dagster.url}" + (" (Ctrl-C ends it)." if stay else "."), highlight=False)
        if stay:
            dagster.wait()


def _own(settings: Settings, url: str) -> Settings:
    """Return settings of the demo's own vendor and data directory, without alarms."""
    return settings.model_copy(
        update={
            "didww_api_url": url,
            "didww_api_key": SecretStr(_KEY),
            "cdr_data_dir": settings.cdr_data_dir / "demo",
            "cdr_start_month": "",
            "cdr_exports": settings.cdr_data_dir / "demo" / "exports.toml",
            "cdr_poll_seconds": 5,
            "cdr_alarm_webhook": SecretStr(""),
            "cdr_smtp_url": SecretStr(""),
        }
    )


def _print_tables(operations: Operations, console: Console) -> None:
    console.print(coverage_table(operations.ledger.coverage()))
    for title, name in TABLES.items():
        console.print(table(ask(operations.place.warehouse, question(name).sql), title))


def _write_reports(operations: Operations, console: Console) -> None:
    for month in operations.publisher.reportable():
        operations.publisher.report(month)
        console.print(f"Report of {month}: {operations.place.report_file(month)}", highlight=False, soft_wrap=True)


@contextmanager
def _sandbox() -> Iterator[str]:
    """Run a sandbox in its own process while the demo lasts; yields its address."""
    command = [sys.executable, "-m", "pipeline.sandbox", "--port", "0", "--api-key", _KEY]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            said = process.stdout.readline() if process.stdout else ""
            if "http" not in said:
                raise PermanentError("The sandbox did not start; run `python -m pipeline.sandbox` to see why.")
            yield said.split()[1]
        finally:
            process.terminate()
