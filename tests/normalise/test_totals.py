"""Control totals are those of Python's own arithmetic, to the last digit, of whatever is served."""

from decimal import ROUND_HALF_EVEN, Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.normalise.parse import DICTIONARY_TEXT
from pipeline.normalise.totals import Totals, totals_of, unknown_totals

MILLIONTH = Decimal("0.000001")
amounts = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**14), max_value=10**14, places=7)
short = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**5), max_value=10**5, places=4)


def totals(*cells: str | None) -> Totals:
    return totals_of(pa.table({"usd": pa.array(cells, pa.string()).cast(DICTIONARY_TEXT)}), ["usd"])


@given(st.lists(short | amounts, max_size=20), st.integers(1, 3))
def test_the_sum_of_any_amounts_is_exact(some: list[Decimal], times: int) -> None:
    found = totals(*(f"{amount:f}" for amount in some * times), None)
    exact = sum((amount.quantize(MILLIONTH, ROUND_HALF_EVEN) for amount in some * times), Decimal(0))
    assert (found.rows, found.sums, found.unknown) == (len(some) * times + 1, {"usd": exact}, {"usd": 0})


@pytest.mark.parametrize(
    ("cells", "total", "unknown"),
    [
        ([], "0", 0),
        ([None, None], "0", 0),
        (["1.5", "2", "1.5", None], "5", 0),
        (["x", "1.5", "x", "0.25"], "1.75", 2),
        (["x", "x"], "0", 2),
        (["0.00000250000000000000001"], "0.000003", 0),
        (["1.5", "0.00000349999999999999999"], "1.500003", 0),
        (["0.0000025"], "0.000002", 0),
        (["999999999999999.999999", "0.000001"], "1000000000000000.000000", 0),
        (["1e15", "-1e15", "0.5"], "0.5", 2),
        (["1e300", "-1e300", "0.5"], "0.5", 2),
        (["-1e300"], "0", 1),
        (["1e999", "nan", "inf", "2"], "2", 3),
        (["1000000.000001", "123456789.123457", "-0.000001"], "124456789.123457", 0),
    ],
)
def test_what_is_no_amount_is_counted_beside_the_sum(cells: list[str | None], total: str, unknown: int) -> None:
    found = totals(*cells)
    assert (found.sums, found.unknown) == ({"usd": Decimal(total)}, {"usd": unknown})


def test_a_typed_column_is_summed_as_it_is() -> None:
    table = pa.table({"usd": pa.array([Decimal("1.5"), None], pa.decimal128(18, 6)), "none": pa.nulls(2, pa.int32())})
    assert totals_of(table, ["usd", "none"]) == Totals(
        2, {"usd": Decimal("1.5"), "none": Decimal(0)}, {"usd": 0, "none": 0}
    )


def test_totals_are_added_column_by_column_whatever_columns_each_has() -> None:
    added = Totals(1, {"b": Decimal(2)}, {"b": 1}) + Totals(2, {"a": Decimal(3), "b": Decimal(5)}, {"a": 4})
    assert added == Totals(3, {"a": Decimal(3), "b": Decimal(7)}, {"a": 4, "b": 1})
    assert (list(added.sums), list(added.unknown)) == (["a", "b"], ["a", "b"])


def test_of_records_that_could_not_be_told_apart_every_amount_is_unknown() -> None:
    assert unknown_totals(3, ["a", "b"]) == Totals(3, {"a": Decimal(0), "b": Decimal(0)}, {"a": 3, "b": 3})
