from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr

from pipeline.months import Month
from pipeline.operations.installation import Installation
from pipeline.operations.ledger import Ledger
from pipeline.settings import Settings
from pipeline.warehouse.coverage import State, at_risk, cover, state_of
from pipeline.warehouse.records import Coverage, KnownExport, Total, as_table

MONTH = Month(2026, 10)
OVER = MONTH.end
NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


def export(hours: float, totals: str = "a", rows: int | None = 5, *, loaded: bool = True) -> KnownExport:
    """An export created that many hours after the month's end; before it, of the month so far."""
    created = OVER + timedelta(hours=hours)
    return KnownExport(
        record_type="cdr_in",
        month=str(MONTH),
        export_id=f"e{hours:g}",
        reference="r",
        window_start=MONTH.start,
        window_end=min(created, OVER),
        created_at=created,
        filters="{}",
        api_version="2026-04-16",
        loaded_at=created + timedelta(hours=1) if loaded else None,
        rows=rows,
        control_totals=totals,
    )


@pytest.mark.parametrize(
    ("exports", "state"),
    [
        ([], State.MISSING),
        ([export(-240, loaded=False)], State.REQUESTED),
        ([export(1, loaded=False), export(72, loaded=False)], State.REQUESTED),
        ([export(-240)], State.OPEN),
        ([export(-240), export(-24)], State.OPEN),
        ([export(-240), export(1, loaded=False)], State.OPEN),
        ([export(1)], State.SETTLING),
        ([export(0)], State.SETTLING),
        ([export(-240), export(1)], State.SETTLING),
        ([export(-24), export(72)], State.SETTLING),
        ([export(1), export(25)], State.SETTLING),
        ([export(1), export(48.99)], State.SETTLING),
        ([export(1), export(49)], State.SEALED),
        ([export(49), export(1)], State.SEALED),
        ([export(1), export(25), export(49)], State.SEALED),
        ([export(1), export(25, "b"), export(60)], State.SETTLING),
        ([export(1), export(72, "b")], State.SETTLING),
        ([export(1), export(72, rows=6)], State.SETTLING),
        ([export(1), export(72, loaded=False)], State.SETTLING),
        ([export(1), export(49), export(100, "b")], State.SETTLING),
        ([export(1), export(49), export(100, "b"), export(120, "b")], State.SETTLING),
        ([export(1), export(49), export(100, "b"), export(148, "b")], State.SEALED),
        ([export(1), export(49), export(100, "b", loaded=False)], State.SEALED),
    ],
)
def test_a_month_is_in_the_state_that_its_exports_tell(exports: list[KnownExport], state: State) -> None:
    assert state_of(exports) is state
    assert state_of(reversed(exports)) is state


def test_coverage_has_a_row_for_every_record_type_and_month(tmp_path: Path) -> None:
    settings = Settings(didww_api_key=SecretStr("x"), cdr_data_dir=tmp_path, cdr_start_month="2026-08", _env_file=None)
    rows = Ledger(Installation(settings, clock=lambda: NOW)).coverage([export(1)])
    assert [(row.record_type, row.month, row.state) for row in rows] == [
        (record_type, month, "settling" if (record_type, month) == ("cdr_in", "2026-10") else "missing")
        for record_type in ("cdr_in", "cdr_out")
        for month in ("2026-08", "2026-09", "2026-10", "2026-11")
    ]


@pytest.mark.parametrize(
    ("now", "days"),
    [
        ("2026-10-31 23:59:59", 61),
        ("2026-12-25 00:00:00", 7),
        ("2026-12-25 00:00:01", 6),
        ("2026-12-31 23:59:59", 0),
        ("2027-01-01 00:00:00", 0),
        ("2027-01-01 00:00:01", -1),
    ],
)
def test_the_vendor_forgets_a_month_on_the_first_of_the_third_after_it(now: str, days: int) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    row = cover("cdr_in", MONTH, [], at, 3)
    assert row.dropped_on == datetime(2027, 1, 1, tzinfo=UTC)
    assert row.days_left == days


def test_a_vendor_that_forgets_nothing_puts_no_month_at_risk() -> None:
    row = cover("rebilly_transactions", Month(2020, 1), [], NOW, None)
    assert (row.state, row.dropped_on, row.days_left, row.gone) == ("missing", None, None, False)
    assert at_risk(row) is None


def test_coverage_shows_the_newest_export_that_is_loaded() -> None:
    newest = replace(export(30), rows=7, rejected_rows=1, duration_seconds=60, cost_usd=Total(Decimal("1.5")))
    row = cover("cdr_in", MONTH, [newest, export(1), export(60, loaded=False)], NOW, 3)
    assert (row.export_id, row.rows, row.rejected_rows, row.duration_seconds) == ("e30", 7, 1, 60)
    assert (row.cost_usd, row.loaded_until) == (Decimal("1.5"), OVER)


def test_records_become_tables_in_which_every_column_has_a_sentence() -> None:
    rows = [cover("cdr_in", month, [export(1)], NOW, 3) for month in (MONTH, MONTH.shift(1))]
    tables = as_table([export(1)], KnownExport), as_table(rows, Coverage)
    for table in (*tables, as_table([], KnownExport), as_table([], Coverage)):
        assert all(field.metadata[b"about"].endswith(b".") for field in table.schema)
    assert [table.num_rows for table in tables] == [1, 2]
    assert tables[0].to_pylist()[0]["created_at"] == OVER + timedelta(hours=1)


@pytest.mark.parametrize(
    ("days_left", "risk"),
    [(None, None), (15, None), (14, "warning"), (8, "warning"), (7, "error"), (0, "error"), (-1, None)],
)
@pytest.mark.parametrize("state", list(State))
def test_an_unsealed_month_is_at_risk_14_days_before_it_is_forgotten(
    days_left: int | None, risk: str | None, state: State
) -> None:
    row = replace(cover("cdr_in", MONTH, [], NOW, 3), state=state.value, days_left=days_left)
    assert at_risk(row) == (None if state in (State.SEALED, State.EXPIRED) else risk)
