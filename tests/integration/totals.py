"""Both sides of a transfer in the same terms: the vendor's books and the published warehouse."""

from datetime import UTC, datetime
from decimal import Decimal

import duckdb

from pipeline.months import Month
from pipeline.normalise.didww import TABLES
from pipeline.operations.plan import plan
from pipeline.operations.snapshot import AttemptsOf, untried
from pipeline.operations.state import Action, Partition, Verb
from pipeline.operations.wiring import Operations
from pipeline.sandbox import Sandbox

KEY = "a-key-that-must-not-be-seen"
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MONTHS = [Month(2026, 9), Month(2026, 10), Month(2026, 11)]


def bring_in(operations: Operations, record_type: str, month: Month) -> str:
    """One month through all four steps, without Dagster; returns the export's id."""
    operations.requester.request(record_type, [month]).all()
    action = planned(operations, record_type, month)
    assert action.verb is Verb.LOAD
    assert action.export
    operations.lander.land(record_type, month, action.export)
    operations.loader.load(record_type, month)
    return action.export.id


def planned(operations: Operations, record_type: str, month: Month, attempts: AttemptsOf = untried) -> Action:
    """What the plan says of a month, with the vendor's list as it is now."""
    vendor, partition = operations.place.vendor_name(record_type), Partition(record_type, month)
    made = operations.gatherer.gather({vendor: operations.listings.read(vendor)}, attempts, [partition])
    return plan(made.states[partition], operations.place.clock(), operations.policy())


def published(operations: Operations, record_type: str, month: Month) -> tuple[int, dict[str, Decimal]]:
    """Rows, and the sum of every control column under the vendor's name for it, from the published file."""
    names = {
        column: header
        for header, column in TABLES[record_type].header_versions[0].required.items()
        if column.endswith("_usd")
    }
    sums = ", ".join(f"coalesce(sum({name}), 0)" for name in names)
    with duckdb.connect(str(operations.place.warehouse), read_only=True) as db:
        row = db.execute(
            f"SELECT count(*), coalesce(sum(duration_seconds), 0), {sums} FROM {record_type} WHERE month = ?",
            [str(month)],
        ).fetchone()
    assert row is not None
    return row[0], {"seconds": Decimal(row[1]), **dict(zip(names.values(), row[2:], strict=True))}


def true_totals(sandbox: Sandbox, export_id: str) -> tuple[int, dict[str, Decimal]]:
    """The same from the vendor's own books."""
    truth = sandbox.truth_of(export_id)
    return truth.rows, {"seconds": Decimal(truth.seconds), **truth.money}
