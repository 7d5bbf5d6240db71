"""Calls out of attempts, against a slow model of the rule, however odd the rows are."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.normalise.schema import CDR_IN, schema_of
from tests.sql.texts import SQL_OF

FOLD = SQL_OF["staging.calls_in"]
SHOWN = "month, call_id, row_number, started, attempts, answered_attempts, first_attempt, answered, duration_seconds"
MONTHS = ("2026-09", "2026-10")
DAY = 86400


class Attempt(NamedTuple):
    """A row of cdr_in; ``start`` and ``end`` in seconds of the month."""

    month: str
    call_id: str | None
    source: str | None
    did: str | None
    start: int
    end: int | None
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
        return self.month, self.call_id, self.source, self.did, self.start if self.call_id is None else None

    @property
    def given_up(self) -> int:
        """When it had ended, which is believed for four hours."""
        return self.start if self.end is None else max(self.start, min(self.end, self.start + 4 * 3600))


def _row(attempt: Attempt) -> dict[str, Any]:
    first = dt.datetime.fromisoformat(f"{attempt.month}-01")
    start = first + dt.timedelta(seconds=attempt.start)
    return {
        "month": attempt.month,
        "call_id": attempt.call_id,
        "source_number": attempt.source,
        "did_number": attempt.did,
        "started_at": start,
        "connected_at": start if attempt.answered else None,
        "ended_at": None if attempt.end is None else first + dt.timedelta(seconds=attempt.end),
        "attempt": attempt.attempt,
        "duration_seconds": attempt.duration,
        "total_usd": None if attempt.usd is None else Decimal(attempt.usd) / 1_000_000,
        "disconnect_reason": f"row {attempt.line}",
        "export_id": f"e-{attempt.month}",
        "row_number": attempt.line,
    }


def _apart(attempts: list[Attempt]) -> Iterator[list[Attempt]]:
    """The attempts of one key in sequences that are near in time, in the order of their starts."""
    near: list[Attempt] = []
    ended = 0
    for row in sorted(attempts, key=lambda one: (one.start, one.number)):
        if near:
            begins = row.number == 1 and row.start > near[-1].start
            if begins or row.start > ended + 600:
                yield near
                near = []
        near.append(row)
        ended = max(ended, row.given_up)
    yield near


def _folded(attempts: list[Attempt]) -> list[tuple[Any, ...]]:
    """The k-th occurrence of each attempt of a sequence is of call k: the unanswered first, then as in the file."""
    keys: dict[tuple[Any, ...], list[Attempt]] = defaultdict(list)
    for row in attempts:
        keys[row.key].append(row)
    calls: list[list[Attempt]] = []
    for sequence in (near for rows in keys.values() for near in _apart(rows)):
        seen: Counter[int] = Counter()
        folded: dict[int, list[Attempt]] = defaultdict(list)
        for row in sorted(sequence, key=lambda one: (one.answered, one.line)):
            seen[row.number] += 1
            folded[seen[row.number]].append(row)
        calls += folded.values()
    return [_call(rows) for rows in calls]


def _call(rows: list[Attempt]) -> tuple[Any, ...]:
    deciding = max(rows, key=lambda one: (one.answered, one.number))
    answered = sum(one.answered for one in rows)
    seconds, usd = (
        [v for v in column if v is not None]
        for column in zip(*((r.duration if r.answered else None, r.usd) for r in rows), strict=True)
    )
    money = Decimal(sum(usd)) / 1_000_000 if usd else None
    return (
        *(deciding.month, deciding.call_id, deciding.line, min(one.start for one in rows), len(rows), answered),
        *(min(one.number for one in rows), answered > 0, sum(seconds) if seconds or not answered else None, money),
        f"row {deciding.line}",
    )


starts = st.sampled_from([0, 1, 30, 599, 600, 601, 1231, 20 * DAY, 20 * DAY + 10])


@st.composite
def drawn(draw: st.DrawFn) -> Attempt:
    """Attempts of few ids, callers and DIDs, at starts that are near, just near enough, and days apart."""
    start = draw(starts)
    return Attempt(
        month=draw(st.sampled_from([*MONTHS, MONTHS[1]])),
        call_id=draw(st.sampled_from([None, "0", "0", "a"])),
        source=draw(st.sampled_from([None, "a", "a"])),
        did=draw(st.sampled_from([None, "a", "a", "a"])),
        start=start,
        end=draw(st.sampled_from([None, start, start + 30, start + 5 * 3600, start - 7, start + 19 * DAY])),
        attempt=draw(st.sampled_from([None, 1, 1, 2, 3])),
        answered=draw(st.booleans()),
        duration=draw(st.sampled_from([None, 0, 7])),
        usd=draw(st.none() | st.integers(0, 10**9)),
        line=0,
    )


@settings(max_examples=60)
@given(rows=st.lists(drawn(), max_size=40))
def test_calls_are_those_of_the_model(rows: list[Attempt]) -> None:
    lined = [row._replace(line=line) for line, row in enumerate(rows, 1)]
    schema = pa.schema(
        [pa.field(f.name, pa.timestamp("us") if pa.types.is_timestamp(f.type) else f.type) for f in schema_of(CDR_IN)]
    )
    table = pa.Table.from_pylist([_row(row) for row in lined], schema=schema)
    with duckdb.connect() as db:
        db.execute("SET threads = 1")
        db.register("cdr_in", table)
        started = "date_diff('second', CAST(month || '-01' AS TIMESTAMP), started_at)"
        shown = f"{SHOWN.replace('started', started)}, total_usd, disconnect_reason"
        found = db.execute(f"SELECT {shown} FROM ({FOLD})").fetchall()
    assert sorted(found, key=repr) == sorted(_folded(lined), key=repr)
