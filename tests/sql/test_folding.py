"""Calls out of attempts, against a slow model of the rule, however odd the rows are."""

from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.normalise.schema import CDR_IN, schema_of

FOLD = (Path(__file__).parents[2] / "sql" / "staging" / "calls_in.sql").read_text("utf-8")
SHOWN = "month, call_id, row_number, started, attempts, answered_attempts, first_attempt, answered, duration_seconds"
MONTHS = ("2026-09", "2026-10")


class Attempt(NamedTuple):
    """A row of cdr_in; ``start`` in seconds of the month."""

    month: str
    call_id: str | None
    source: str | None
    did: str | None
    start: int
    attempt: int | None
    answered: bool
    duration: int | None
    usd: int | None
    line: int

    @property
    def number(self) -> int:
        return 1 if self.attempt is None else self.attempt

    @property
    def key(self) -> tuple[Any, ...]:
        named = self.call_id is not None
        return (self.month, self.call_id) if named else (self.month, self.start, self.source, self.did)


def _row(attempt: Attempt) -> dict[str, Any]:
    start = pa.scalar(f"{attempt.month}-01 00:00:{attempt.start:02}").cast(pa.timestamp("us")).as_py()
    return {
        "month": attempt.month,
        "call_id": attempt.call_id,
        "source_number": attempt.source,
        "did_number": attempt.did,
        "started_at": start,
        "connected_at": start if attempt.answered else None,
        "attempt": attempt.attempt,
        "duration_seconds": attempt.duration,
        "total_usd": None if attempt.usd is None else Decimal(attempt.usd) / 1_000_000,
        "disconnect_reason": f"row {attempt.line}",
        "export_id": f"e-{attempt.month}",
        "row_number": attempt.line,
    }


def _folded(attempts: list[Attempt]) -> list[tuple[Any, ...]]:
    """The k-th occurrence of each attempt of a key is of call k: the unanswered first, then as in the file."""
    seen: dict[tuple[Any, ...], int] = defaultdict(int)
    calls: dict[tuple[Any, ...], list[Attempt]] = defaultdict(list)
    for row in sorted(attempts, key=lambda one: (one.answered, one.line)):
        seen[row.key, row.number] += 1
        calls[row.key, seen[row.key, row.number]].append(row)
    return [_call(rows) for rows in calls.values()]


def _call(rows: list[Attempt]) -> tuple[Any, ...]:
    deciding = max(rows, key=lambda one: (one.answered, one.number))
    answered = sum(one.answered for one in rows)
    seconds, usd = (
        [v for v in column if v is not None] for column in zip(*((r.duration, r.usd) for r in rows), strict=True)
    )
    money = Decimal(sum(usd)) / 1_000_000 if usd else None
    return (
        *(deciding.month, deciding.call_id, deciding.line, min(one.start for one in rows), len(rows), answered),
        *(min(one.number for one in rows), answered > 0, sum(seconds) if seconds else None, money),
        f"row {deciding.line}",
    )


few = st.sampled_from([None, "a", "b"])
attempts = st.builds(
    Attempt,
    month=st.sampled_from(MONTHS),
    call_id=st.sampled_from([None, None, *"abcdef"]),
    source=few,
    did=few,
    start=st.integers(0, 2),
    attempt=st.sampled_from([None, 1, 1, 2, 3]),
    answered=st.booleans(),
    duration=st.sampled_from([None, 0, 7]),
    usd=st.none() | st.integers(0, 10**9),
    line=st.just(0),
)


@settings(max_examples=60)
@given(rows=st.lists(attempts, max_size=30))
def test_calls_are_those_of_the_model(rows: list[Attempt]) -> None:
    lined = [row._replace(line=line) for line, row in enumerate(rows, 1)]
    schema = pa.schema(
        [pa.field(f.name, pa.timestamp("us") if pa.types.is_timestamp(f.type) else f.type) for f in schema_of(CDR_IN)]
    )
    table = pa.Table.from_pylist([_row(row) for row in lined], schema=schema)
    with duckdb.connect() as db:
        db.execute("SET threads = 1")
        db.register("cdr_in", table)
        shown = f"{SHOWN.replace('started', 'second(started_at)')}, total_usd, disconnect_reason"
        found = db.execute(f"SELECT {shown} FROM ({FOLD})").fetchall()
    assert sorted(found, key=repr) == sorted(_folded(lined), key=repr)
