"""What a cell must be, kind by kind: the same of one cell, of a column, and of the guesses that find the odd ones."""

import pandas as pd
import pyarrow as pa
import pytest

from pipeline.normalise.kind_rules import fits, is_same_amount, replacement, suspect_cells, typed
from pipeline.normalise.schema import Kind

FITTING = {
    Kind.TIMESTAMP: [
        "2026-10-31 23:59:59", "2026-10-31 00:00:00.123", "0001-01-01 00:00:00.000001", "1969-12-31 23:59:59",
        "1970-01-01 00:00:00.000001", "9999-12-31 23:59:59",
    ],
    Kind.TIMESTAMPTZ: ["2026-10-31T23:59:59Z", "2026-10-31T23:59:59+02:00", "1970-01-01T00:00:01Z"],
    Kind.INTEGER: ["0", "-1", "007", str(2**63 - 1), str(-(2**63))],
    Kind.INT32: ["0", "-1", str(2**31 - 1), str(-(2**31))],
    Kind.SECONDS: ["0", "1", "2678400"],
    Kind.MONEY: ["0", "-0.25", ".5", "999999999999.999999", "-999999999999.999999", "1e-6"],
}  # fmt: skip
UNFIT = {
    Kind.TIMESTAMP: [
        "2026-10-31", "2026-10-31 23:59", "2026-02-30 10:00:00", "x", "1970-01-01 00:00:00", "0001-01-01 00:00:00",
        "0000-12-31 23:59:59", "2026-10-31 23:59:5",
    ],
    Kind.TIMESTAMPTZ: [
        "2026-10-31 23:59:59", "2026-02-30T10:00:00Z", "1970-01-01T00:00:00Z", "1970-01-01T01:00:00+01:00",
        "0000-12-31T23:59:59Z", "2026-10-31T23:59Z",
    ],
    Kind.INTEGER: ["x", "1.0", "0x10", "0X10", "\u0661", str(2**63), str(-(2**63) - 1)],
    Kind.INT32: ["0x10", str(2**31), str(-(2**31) - 1)],
    Kind.SECONDS: ["-1", "2678401", "60.0", "0x10", str(2**31)],
    Kind.MONEY: ["x", "1,5", "0.0000001", "1000000000000", "-1000000000000", "1e12"],
}  # fmt: skip
CELLS = [
    *((kind, cell, True) for kind, cells in FITTING.items() for cell in cells),
    *((kind, cell, False) for kind, cells in UNFIT.items() for cell in cells),
]


@pytest.mark.parametrize(("kind", "cell", "fit"), CELLS)
@pytest.mark.parametrize("others", [0, 1, 400])
def test_a_cell_fits_its_kind_alone_and_in_a_column(kind: Kind, cell: str, others: int, *, fit: bool) -> None:
    column = pd.Series([*[FITTING[kind][0]] * others, cell, None], dtype=pd.ArrowDtype(pa.string()))
    assert fits(cell, kind) is fit
    if not fit:
        with pytest.raises(pa.ArrowInvalid):
            typed(column, kind)
    else:
        assert pa.array(typed(column, kind)).type == kind.type
        assert pa.array(typed(column, kind)).null_count == 1


@pytest.mark.parametrize(("kind", "cell"), [(kind, cell) for kind, cell, fit in CELLS if not fit])
@pytest.mark.parametrize("others", [0, 1, 400])
def test_the_last_guess_names_every_cell_that_does_not_fit(kind: Kind, cell: str, others: int) -> None:
    cells = pa.chunked_array([pa.array([*[FITTING[kind][0]] * others, cell, None], pa.string())])
    *_, certain = suspect_cells(cells, kind)
    assert certain.to_pylist()[others] is True
    assert certain.to_pylist()[others + 1] is None


ODD = [
    (Kind.TIMESTAMP, "2026-10-31", "2026-02-30 10:00:00", "2026-10-31 24:00:00"),
    (Kind.TIMESTAMPTZ, "2026-10-31", "2026-02-30T10:00:00Z", "2026-10-31T24:00:00Z"),
    (Kind.INTEGER, "9" * 19, "12e3", None),
    (Kind.INT32, "9" * 10, "0x10", None),
    (Kind.SECONDS, "9" * 7, "-1", None),
    (Kind.MONEY, "0.1234567890123", None, "1e-6"),
]
"""Of each kind a cell that its length gives away, one that it does not, and one that only the last guess names."""


@pytest.mark.parametrize(("kind", "first", "second", "third"), ODD)
def test_the_guesses_name_what_is_odd_and_nothing_else(
    kind: Kind, first: str, second: str | None, third: str | None
) -> None:
    odd = [cell for cell in (first, second, third) if cell]
    cells = [*(FITTING[kind][0] for _ in range(400)), *odd, None]
    guesses = [guess.to_pylist() for guess in suspect_cells(pa.chunked_array([pa.array(cells)]), kind)]
    named = [{cell for cell, suspect in zip(cells, guess, strict=True) if suspect} for guess in guesses]
    assert named == [{first}, {first, second} - {None}, set(odd)]


@pytest.mark.parametrize("kind", FITTING)
def test_a_length_that_many_cells_have_is_not_odd(kind: Kind) -> None:
    sound, odd = FITTING[kind][0], next(cell for one, cell, *_ in ODD if one is kind)
    for others, suspect in ((101, [odd]), (99, [])):
        cells = pa.chunked_array([pa.array([sound] * others + [odd])])
        assert cells.filter(next(suspect_cells(cells, kind))).to_pylist() == suspect


@pytest.mark.parametrize("kind", FITTING)
@pytest.mark.parametrize("cells", [[], [None, None]])
def test_in_a_column_without_a_cell_nothing_is_odd(kind: Kind, cells: list[None]) -> None:
    column = pa.chunked_array([pa.array(cells, pa.string())])
    assert [column.filter(guess).to_pylist() for guess in suspect_cells(column, kind)] == [[]] * 3


@pytest.mark.parametrize("kind", FITTING)
def test_a_column_without_a_cell_is_one_of_its_kind(kind: Kind) -> None:
    nothing = pd.Series([None, None], dtype=pd.ArrowDtype(pa.string()))
    assert pa.array(typed(nothing, kind)).null_count == 2


@pytest.mark.parametrize(
    ("cell", "kept"),
    [
        ("123456789012.0000001", "123456789012.000000"), ("-999999999999.1234567", "-999999999999.123457"),
        ("999999999999.9999995", None), ("-999999999999.9999995", None), ("1e999", None), ("1e9999999999", None),
        ("6.4E-3", "0.006400"), ("1.", "1.000000"), ("\u0661.\u0665", None), ("1,5", None), ("0.5x", None),
        ("1_000", None), ("1.5 ", None),
    ],
)  # fmt: skip
def test_an_amount_is_rounded_where_its_column_has_room_for_it(cell: str, kept: str | None) -> None:
    assert replacement(cell, Kind.MONEY) == kept


@pytest.mark.parametrize("kind", [Kind.TIMESTAMP, Kind.TIMESTAMPTZ])
@pytest.mark.parametrize(
    ("cell", "kept"),
    [
        ("0000-00-00t00:00:00z", ""), ("0000-00-00 00:00:00+0000", ""), ("0001-01-01 00:00:00.000", ""),
        ("1970-01-01T01:00:00+01:00", ""), ("1970-01-01 00:00:01", None), ("2026-10-31", None), ("x", None),
    ],
)  # fmt: skip
def test_a_zero_date_is_kept_as_nothing(kind: Kind, cell: str, kept: str | None) -> None:
    assert replacement(cell, kind) == kept
    assert replacement("0000-00-00", Kind.INTEGER) is None


@pytest.mark.parametrize(
    ("form", "cell", "same"),
    [("0.006400", "6.4E-3", True), ("0.006421", "0.0064212", False), ("", "0000-00-00", False)],
)
def test_another_form_of_the_same_amount_is_no_other_amount(form: str, cell: str, *, same: bool) -> None:
    assert is_same_amount(form, cell) is same
