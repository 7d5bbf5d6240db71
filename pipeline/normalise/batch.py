"""A block of records to typed rows: what a worker thread does."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from pipeline.normalise.blocks import Block, record_bounds
from pipeline.normalise.header import Layout, extra_name
from pipeline.normalise.parse import Reject, parse
from pipeline.normalise.schema import RECORD_TYPES, control_columns
from pipeline.normalise.totals import Totals, of_table
from pipeline.normalise.typing_rules import type_frame


@dataclass
class Batch:
    """A block after parsing and typing; ``places`` and the rejects' are counted from the block's first record."""

    table: pa.Table
    places: np.ndarray
    rejected: list[tuple[Reject, int, str]]
    records: int
    text: Totals
    diverted: Totals


def type_block(block: Block, shape: Layout, record_type: str) -> Batch:
    """Parse and type one block, every record of it accounted for."""
    columns = RECORD_TYPES[record_type]
    control = control_columns(record_type)
    parsed = parse(block, shape.names)
    text = parsed.text
    frame = text.to_pandas(types_mapper=pd.ArrowDtype)
    good, reasons = type_frame(frame, columns)
    bad = sorted(reasons)
    rejects = parsed.rejects + [Reject(int(parsed.places[row]), reasons[row]) for row in bad]
    diverted = of_table(text.take(pa.array(bad, pa.int64())), control) + Totals(len(parsed.rejects), {})
    table = pa.Table.from_pandas(good[[c.name for c in columns]], preserve_index=False)
    kept = text.take(good.index.to_numpy()) if shape.extras else None
    return Batch(
        table=table.append_column("extra", _extra(kept, shape.extras, table.num_rows)),
        places=np.delete(parsed.places, bad),
        rejected=_with_lines(block, rejects),
        records=parsed.records,
        text=of_table(text, control) + Totals(len(parsed.rejects), {}),
        diverted=diverted,
    )


def _extra(kept: pa.Table | None, extras: tuple[str, ...], rows: int) -> pa.Array:
    kind = pa.map_(pa.string(), pa.string())
    if kept is None:
        return pa.nulls(rows, kind)
    cells = kept.select([extra_name(name) for name in extras]).rename_columns(list(extras)).to_pylist()
    return pa.array([[(name, cell) for name, cell in row.items() if cell is not None] for row in cells], kind)


def _with_lines(block: Block, rejects: list[Reject]) -> list[tuple[Reject, int, str]]:
    """Each reject with its line in the file and its text; found only where there is something to find."""
    if not rejects:
        return []
    lines, begins, ends = record_bounds(block.data)
    return [
        (reject, block.first_line + int(lines[at]), _shown(bytes(block.data[begins[at] : ends[at]])))
        for reject in sorted(rejects, key=lambda reject: reject.place)
        for at in (reject.place,)
    ]


def _shown(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace").rstrip("\r\n")
