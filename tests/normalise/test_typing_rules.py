"""Text to typed columns: which cells are left out, which are kept in another form, and what is told of each."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from pipeline.normalise.parse import DICTIONARY_TEXT
from pipeline.normalise.schema import LONGEST_CALL, Column, Kind
from pipeline.normalise.typing_rules import Typed, type_columns

BEGIN, ANSWER = Column("begin", Kind.TIMESTAMP, "", required=True), Column("answer", Kind.TIMESTAMP, "", near="begin")
USD, NOTE = Column("usd", Kind.MONEY, ""), Column("note", Kind.TEXT, "", required=True)
NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
FAR, INSTANT = LONGEST_CALL + timedelta(days=1), timedelta(microseconds=1)


def answered(*apart: timedelta | str | None) -> Typed:
    """Calls that begin at noon, and are answered so much later or at that text."""
    cells = [f"{NOON + one:%F %T.%f}" if isinstance(one, timedelta) else one for one in apart]
    text = {"begin": [f"{NOON:%F %T}"] * len(cells), "answer": cells}
    return type_columns(pa.table({name: pa.array(some, pa.string()) for name, some in text.items()}), [BEGIN, ANSWER])


def priced(*cells: str | None, form: pa.DataType) -> Typed:
    return type_columns(pa.table({"usd": pa.array(cells, pa.string()).cast(form)}), [USD])


@pytest.mark.parametrize("apart", [timedelta(0), FAR, -FAR])
def test_a_time_as_far_from_another_as_a_call_can_ring_and_last_is_kept(apart: timedelta) -> None:
    typed = answered(timedelta(0), apart)
    assert typed.table["answer"].to_pylist() == [NOON, NOON + apart]
    assert (typed.reasons, typed.served) == ({}, {})


@pytest.mark.parametrize("apart", [FAR + INSTANT, -FAR - INSTANT])
def test_a_time_farther_from_another_is_none_and_is_told(apart: timedelta) -> None:
    typed = answered(FAR, apart, None, -FAR)
    assert typed.table["answer"].to_pylist() == [NOON + FAR, None, None, NOON - FAR]
    assert typed.served["answer"].to_pylist() == [None, f"{NOON + apart:%F %T.%f}", None, None]
    assert (typed.reasons, list(typed.served)) == ({}, ["answer"])


@pytest.mark.parametrize("apart", [FAR * 2, -FAR * 2])
def test_a_zero_date_is_told_beside_a_time_that_is_too_far(apart: timedelta) -> None:
    zero = "0000-00-00 00:00:00"
    typed = answered(zero, apart, timedelta(0))
    assert typed.table["answer"].to_pylist() == [None, None, NOON]
    assert typed.served["answer"].to_pylist() == [zero, f"{NOON + apart:%F %T.%f}", None]


@pytest.mark.parametrize("cells", [[], [None, None]])
def test_of_columns_without_a_time_none_is_too_far(cells: list[None]) -> None:
    assert (answered(*cells).table["answer"].to_pylist(), answered(*cells).served) == (cells, {})


@pytest.mark.parametrize("form", [pa.string(), DICTIONARY_TEXT])
def test_of_amounts_only_those_of_another_value_are_told(form: pa.DataType) -> None:
    same = "0.5" + "0" * 60
    typed = priced("1", "x", same, "0.0000005", "2.0000015", None, "x", form=form)
    kept = ["1", None, "0.5", "0", "2.000002", None, None]
    assert typed.table["usd"].to_pylist() == [cell and Decimal(cell) for cell in kept]
    assert typed.served["usd"].to_pylist() == [None, None, None, "0.0000005", "2.0000015", None, None]
    assert typed.reasons == dict.fromkeys([1, 6], "usd is not an amount with up to 12 digits before the point")
    assert priced("1", "x", same, form=form).served == priced("1", form=form).served == {}


def test_of_a_row_that_is_left_out_the_first_column_that_does_not_fit_is_named() -> None:
    text = {
        "begin": ["x", None, "1970-01-01 00:00:00", "2026-10-05 12:00:00"],
        "usd": ["x", "x", "x", "x"],
        "note": [None, None, "a", None],
    }
    typed = type_columns(pa.table({name: pa.array(cells) for name, cells in text.items()}), [BEGIN, USD, NOTE])
    assert typed.reasons == {
        0: "begin is not a time like 2026-10-31 23:59:59",
        1: "begin is empty",
        2: "begin is not a time but a zero date",
        3: "usd is not an amount with up to 12 digits before the point",
    }
    assert [typed.table[name].null_count for name in text] == [3, 4, 3]
    assert typed.served["begin"].to_pylist() == [None, None, "1970-01-01 00:00:00", None]
