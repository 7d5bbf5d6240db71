"""Text to typed columns: those cells that break the rule of their kind are named one by one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.normalise.kind_rules import MEANT, fits, is_same, kept_as, suspects_of, typed
from pipeline.normalise.schema import LONGEST_CALL, Column, Kind

_FAR = (LONGEST_CALL + timedelta(days=1)) // timedelta(microseconds=1)  # it may have rung before


@dataclass
class Typed:
    """Columns in their types, and why rows are to be left out, by their place: what does not fit is null in them.

    ``served`` has the cells that are kept in another form, as they were served, of each column that has some.
    """

    table: pa.Table
    reasons: dict[int, str]
    served: dict[str, pa.ChunkedArray]


class _Cells(NamedTuple):
    """Cells in their type, and which of them do not fit, or are kept in another form, if there are any."""

    fit: pa.ChunkedArray
    misfits: pa.ChunkedArray | None = None
    altered: pa.ChunkedArray | None = None


def type_columns(text: pa.Table, columns: Sequence[Column]) -> Typed:
    """Every column in its type; of the rows that are to be left out, the first column that does not fit is named."""
    fit: dict[str, pa.ChunkedArray] = {}
    reasons: dict[int, str] = {}
    altered: dict[str, pa.ChunkedArray] = {}
    for column in columns:
        cells = text[column.name]
        found = _Cells(cells) if column.kind is Kind.TEXT else _typed(cells, column.kind)
        reasons = _reasons(column, cells, found) | reasons
        fit[column.name] = found.fit
        if found.altered is not None:
            altered[column.name] = found.altered
    for column in columns:
        if column.near and (far := _far(fit[column.name], fit[column.near])) is not None:
            fit[column.name] = pc.if_else(far, None, fit[column.name])
            altered[column.name] = pc.or_kleene(far, altered.get(column.name, far))
    served = {name: pc.if_else(altered[name], text[name].cast(pa.string()), None) for name in fit if name in altered}
    return Typed(pa.table(fit), reasons, served)


def _reasons(column: Column, cells: pa.ChunkedArray, found: _Cells) -> dict[int, str]:
    """Why rows are to be left out for a column, by their place."""
    empty, zero = (cells.is_null(), found.altered) if column.required else (None, None)
    return {
        **_named(empty, f"{column.name} is empty"),
        **_named(zero, f"{column.name} is not a time but a zero date"),
        **_named(found.misfits, f"{column.name} is not {MEANT[column.kind]}"),
    }


def _far(times: pa.ChunkedArray, others: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Which times are farther from the others than a call can last, if there are any."""
    apart = pc.subtract(times.cast(pa.int64()), others.cast(pa.int64()))
    nearest, farthest = pc.min_max(apart).as_py().values()
    return pc.greater(pc.abs(apart), _FAR) if farthest is not None and max(farthest, -nearest) > _FAR else None


def _named(rows: pa.ChunkedArray | None, reason: str) -> dict[int, str]:
    return dict.fromkeys(pc.indices_nonzero(rows).to_pylist(), reason) if rows is not None else {}


def _typed(cells: pa.ChunkedArray, kind: Kind) -> _Cells:
    """The cells in their type, those that do not fit being null, and those that are kept otherwise in that form."""
    if pa.types.is_dictionary(cells.type):
        words = cells.combine_chunks()
        of_words = _typed(pa.chunked_array([words.dictionary]), kind)
        return _Cells(*(None if part is None else part.take(words.indices) for part in of_words))
    tried: list[str] | None = None
    for suspects in suspects_of(cells, kind):
        unfit = [cell for cell in cells.filter(suspects).unique().to_pylist() if not fits(cell, kind)]
        if unfit == tried:
            continue
        try:
            return _without(unfit, cells, suspects, kind)
        except pa.ArrowInvalid:  # there are others
            tried = unfit
    raise AssertionError("what looks ordinary does not fit")


def _without(unfit: Sequence[str], cells: pa.ChunkedArray, suspects: pa.ChunkedArray, kind: Kind) -> _Cells:
    """The cells typed, but for those that do not fit, of which all are suspects; raises where there are others."""
    if not unfit:
        return _Cells(_strict(cells, kind))
    some, forms = cells.filter(suspects), {cell: kept_as(cell, kind) for cell in unfit}

    def those(found: list[str]) -> pa.ChunkedArray | None:
        return _where(suspects, suspects, pc.is_in(some, pa.array(found, pa.string()))) if found else None

    if any(forms.values()):
        place = pc.index_in(some, pa.array(unfit, pa.string()))
        kept = pa.array([form or None for form in forms.values()], pa.string()).take(place.combine_chunks())
        fit = _where(suspects, cells, pc.if_else(place.is_null(), some, kept))
    else:  # to leave out cells takes less than to put others there
        fit = pc.if_else(those(list(forms)), None, cells)
    misfits = [cell for cell, form in forms.items() if form is None]
    altered = [cell for cell, form in forms.items() if form is not None and not is_same(form, cell)]
    return _Cells(_strict(fit, kind), those(misfits), those(altered))


def _where(suspects: pa.ChunkedArray, cells: pa.ChunkedArray, instead: pa.ChunkedArray) -> pa.ChunkedArray:
    """The cells, with others for the suspects; to look for those few in the whole column would take longer."""
    return pc.replace_with_mask(cells, suspects.combine_chunks(), instead.combine_chunks())


def _strict(cells: pa.ChunkedArray, kind: Kind) -> pa.ChunkedArray:
    return pa.array(typed(cells.to_pandas(types_mapper=pd.ArrowDtype), kind))
