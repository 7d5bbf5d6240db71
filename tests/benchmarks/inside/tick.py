"""What a tick of the sensor costs when the vendor lists many exports.

``python -m tests.benchmarks.inside.tick EXPORTS TICKS`` prints requests, and seconds of the ticking thread's CPU.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, thread_time

import dagster as dg

from pipeline.definitions import build
from tests.benchmarks.inside.vendor import asked, vendor
from tests.benchmarks.measure import tell


def measured(folder: Path, listed: int, ticks: int) -> list[dict[str, float]]:
    """The same tick, so many times."""
    with vendor(folder / "data", foreign=listed - 6) as (sandbox, operations), dg.instance_for_test() as instance:
        asked(operations)
        definitions = build(operations)
        sensor, found = definitions.resolve_sensor_def("exports_ready"), []
        for _ in range(ticks):
            context = dg.build_sensor_context(instance=instance, definitions=definitions)
            before, wall, cpu = len(sandbox.requests), perf_counter(), thread_time()
            result = sensor(context)
            spent = {"wall": perf_counter() - wall, "cpu": thread_time() - cpu}
            launched = len(result.run_requests or []) if isinstance(result, dg.SensorResult) else 0
            found.append({**spent, "requests": len(sandbox.requests) - before, "launched": launched})
    return found


if __name__ == "__main__":
    with TemporaryDirectory() as scratch:
        tell(measured(Path(scratch), *map(int, sys.argv[1:])))
