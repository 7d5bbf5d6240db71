from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from pipeline.sandbox import COLUMNS, DURATION, MONEY, Sandbox, trunk_id

SEPTEMBER = datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


@pytest.fixture
def calls_per_day() -> int:
    return 120


@pytest.mark.parametrize("export_type", ["cdr_in", "cdr_out"])
def test_the_truth_is_what_a_file_adds_up_to(sandbox: Sandbox, rows_of: Any, export_type: str) -> None:
    rows = rows_of(export_type)
    truth = sandbox.truth(export_type, *SEPTEMBER)
    assert truth == sandbox.truth_of(sandbox.exports[0].id)
    assert len(rows) == truth.rows > 2000
    assert sum(int(row[DURATION[export_type]]) for row in rows) == truth.seconds
    for name in MONEY[export_type]:
        assert sum(Decimal(row[name] or 0) for row in rows) == truth.money[name]
    assert tuple(rows[0]) == COLUMNS[export_type]


@pytest.mark.parametrize("export_type", ["cdr_in", "cdr_out"])
def test_windows_that_meet_share_no_call_and_lose_none(sandbox: Sandbox, export_type: str) -> None:
    start, end = SEPTEMBER
    middle = start + timedelta(days=11, hours=9, minutes=17, seconds=3)
    parts = [sandbox.truth(export_type, start, middle), sandbox.truth(export_type, middle, end)]
    whole = sandbox.truth(export_type, start, end)
    assert sum(part.rows for part in parts) == whole.rows
    assert sum(part.seconds for part in parts) == whole.seconds


@pytest.mark.parametrize("export_type", ["cdr_in", "cdr_out"])
def test_a_month_starts_in_its_first_second_and_ends_in_its_last(rows_of: Any, export_type: str) -> None:
    starts = [row["Date/Time Start (UTC)"] for row in rows_of(export_type)]
    assert (starts[0], starts[-1]) == ("2026-09-01 00:00:00", "2026-09-30 23:59:59")
    assert starts == sorted(starts)


def test_the_same_seed_has_the_same_records_in_any_order_of_asking() -> None:
    def asked(seed: int, *months: int) -> list[object]:
        box = Sandbox(seed=seed, calls_per_day=40, clock=lambda: NOW, foreign=0)
        windows = [(datetime(2026, m, 1, tzinfo=UTC), datetime(2026, m + 1, 1, tzinfo=UTC)) for m in months]
        totals = [box.truth("cdr_in", *window) for window in windows]
        box.stop()
        return list(totals)

    assert asked(7, 9, 10) == asked(7, 10, 9)[::-1]
    assert asked(7, 9) != asked(8, 9)


def test_filters_narrow_an_export(sandbox: Sandbox, rows_of: Any) -> None:
    inbound, outbound = rows_of("cdr_in"), rows_of("cdr_out")
    did = inbound[0]["Destination DID"]
    rows = rows_of("cdr_in", did_number=did)
    assert rows == [row for row in inbound if row["Destination DID"] == did]
    assert sandbox.truth("cdr_in", *SEPTEMBER, {"did_number": did}).rows == len(rows) < len(inbound)
    trunk = outbound[0]["Voice OUT Trunk"]
    assert rows_of("cdr_out", **{"voice_out_trunk.id": trunk_id(trunk)}) == [
        row for row in outbound if row["Voice OUT Trunk"] == trunk
    ]


def test_records_can_be_replaced_by_hand(sandbox: Sandbox, rows_of: Any) -> None:
    rows = [
        {"Date/Time Start (UTC)": "2026-09-02 00:00:00", "Source Name": 'a "b", c\nd', "Total (USD)": "1.5"},
        {"Date/Time Start (UTC)": "2026-09-01 00:00:00", "Source Name": "NA"},
        {"Date/Time Start (UTC)": "2026-10-01 00:00:00", "Source Name": "October"},
    ]
    sandbox.replace_records("cdr_in", rows)
    served = rows_of()
    assert [row["Source Name"] for row in served] == ["NA", 'a "b", c\nd']
    assert sandbox.truth("cdr_in", *SEPTEMBER).money["Total (USD)"] == Decimal("1.5")


def test_a_handwritten_row_must_fit_the_columns(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="no column Bogus"):
        sandbox.add_records("cdr_in", [{"Bogus": "1"}])
    with pytest.raises(ValueError, match="has 19 cells, not 2"):
        sandbox.add_records("cdr_out", [["2026-09-01 00:00:00", ""]])
