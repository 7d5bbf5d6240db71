"""Type columns of text, and name each cell that breaks the rule of its kind."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.normalise.kind_rules import EXPECTED, fits, is_same_amount, replacement, suspect_cells, typed
from pipeline.normalise.schema import LONGEST_CALL, Column, Kind

_FAR = (LONGEST_CALL + timedelta(days=1)) // timedelta(microseconds=1)  # a call may ring before it is answered


@dataclass
class Typed:
    """Typed columns.

    Attributes:
        table: The columns in their types. Cells that do not fit are NULL.
        reasons: By row, why it must be rejected.
        served: By column, the cells that are kept in another form, as they were served; NULL for all others.
    """

    table: pa.Table
    reasons: dict[int, str]
    served: dict[str, pa.ChunkedArray]


class _Cells(NamedTuple):
    """Cells in their type, and masks of those that do not fit and of those kept in another form, if there are any."""

    fit: pa.ChunkedArray
    misfits: pa.ChunkedArray | None = None
    altered: pa.ChunkedArray | None = None


def type_columns(text: pa.Table, columns: Sequence[Column]) -> Typed:
    """Type every column. The reason of a rejected row names the first column that does not fit."""
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
    """Return by row why this column rejects it."""
    empty, zero = (cells.is_null(), found.altered) if column.required else (None, None)
    return {
        **_named(empty, f"{column.name} is empty"),
        **_named(zero, f"{column.name} is not a time but a zero date"),
        **_named(found.misfits, f"{column.name} is not {EXPECTED[column.kind]}"),
    }


def _far(times: pa.ChunkedArray, others: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Return a mask of the times that are farther from the others than a call can last; None without any."""
    apart = pc.subtract(times.cast(pa.int64()), others.cast(pa.int64()))
    nearest, farthest = pc.min_max(apart).as_py().values()
    return pc.greater(pc.abs(apart), _FAR) if farthest is not None and max(farthest, -nearest) > _FAR else None


def _named(rows: pa.ChunkedArray | None, reason: str) -> dict[int, str]:
    return dict.fromkeys(pc.indices_nonzero(rows).to_pylist(), reason) if rows is not None else {}


def _typed(cells: pa.ChunkedArray, kind: Kind) -> _Cells:
    """Type the cells. Those that do not fit become NULL, or are typed in another form.

    A pandas column is typed as a whole, and fails as a whole. So the cells that do not fit are found first:

    1. ``suspect_cells`` gives a mask of suspects, from a cheap guess to a certain answer.
    2. Each distinct suspect is tried alone. What fails is a misfit.
    3. The column is typed without the misfits. Where that fails, the guess missed some: go on with the next mask.

    A column of dictionary text is typed by its distinct texts.
    """
    if pa.types.is_dictionary(cells.type):
        texts = cells.combine_chunks()
        typed_texts = _typed(pa.chunked_array([texts.dictionary]), kind)
        return _Cells(*(None if part is None else part.take(texts.indices) for part in typed_texts))
    tried: list[str] | None = None
    for suspects in suspect_cells(cells, kind):
        misfits = [cell for cell in cells.filter(suspects).unique().to_pylist() if not fits(cell, kind)]
        if misfits == tried:
            continue
        try:
            return _typed_without(misfits, cells, suspects, kind)
        except pa.ArrowInvalid:
            tried = misfits
    raise AssertionError("a cell of the ordinary form does not fit its kind")


def _typed_without(misfits: Sequence[str], cells: pa.ChunkedArray, suspects: pa.ChunkedArray, kind: Kind) -> _Cells:
    """Type the cells without the misfits, which are all suspects; raises ``ArrowInvalid`` if there are other ones."""
    if not misfits:
        return _Cells(_strict(cells, kind))
    some, replacements = cells.filter(suspects), {cell: replacement(cell, kind) for cell in misfits}

    def mask_of(found: list[str]) -> pa.ChunkedArray | None:
        return _replaced(suspects, suspects, pc.is_in(some, pa.array(found, pa.string()))) if found else None

    if any(replacements.values()):
        at = pc.index_in(some, pa.array(misfits, pa.string()))
        texts = pa.array([text or None for text in replacements.values()], pa.string()).take(at.combine_chunks())
        fit = _replaced(cells, suspects, pc.if_else(at.is_null(), some, texts))
    else:  # setting cells to NULL is faster than replacing them
        fit = pc.if_else(mask_of(list(replacements)), None, cells)
    rejected = [cell for cell, text in replacements.items() if text is None]
    altered = [cell for cell, text in replacements.items() if text is not None and not is_same_amount(text, cell)]
    return _Cells(_strict(fit, kind), mask_of(rejected), mask_of(altered))


def _replaced(cells: pa.ChunkedArray, suspects: pa.ChunkedArray, texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the cells with these texts for the suspects. Searching the whole column for them would be slower."""
    return pc.replace_with_mask(cells, suspects.combine_chunks(), texts.combine_chunks())


def _strict(cells: pa.ChunkedArray, kind: Kind) -> pa.ChunkedArray:
    """Type a whole column; raises ``ArrowInvalid`` unless every cell fits."""
    return pa.array(typed(cells.to_pandas(types_mapper=pd.ArrowDtype), kind))
