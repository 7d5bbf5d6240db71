"""Channels in use, from the calls on, against a slow count of every second that matters."""

import datetime as dt
from collections import defaultdict
from typing import Any, NamedTuple

import duckdb
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.sql.texts import SQL_OF

SPANS, CARRIED, SWEEP = (SQL_OF[f"staging.{name}"] for name in ("call_spans", "carried_over", "channel_occupancy"))
FIRST = dt.datetime(2026, 9, 1)  # noqa: DTZ001
DAY = 86400
EDGES = (0, 30 * DAY, 61 * DAY, 91 * DAY)  # where September, October and November begin, and December
YEARS = 5_000 * DAY
UNREAD = ", ".join(
    f"NULL AS {name}"
    for name in (
        "export_id", "row_number", "call_id", "attempts", "answered", "source_number", "destination_number",
        "trunk_group", "disconnect_code", "disconnect_reason", "disconnect_initiator", "total_usd", "charged_usd",
    )
)  # fmt: skip


class Drawn(NamedTuple):
    """A call of the month whose number it has, in seconds since September; ``talk`` and ``end`` may be absent."""

    month: int
    direction: str
    did: str | None
    trunk: str | None
    group: str | None
    start: int
    talk: int | None
    end: int | None
    duration: int | None

    @property
    def ended(self) -> int:
        if self.end is not None and self.end >= self.start:
            return self.end
        return self.start if self.talk is None else self.talk + max(self.duration or 0, 0)

    def held(self) -> tuple[int, int]:
        """The seconds that count: those of its month and of the next."""
        return max(self.start, EDGES[self.month]), min(self.ended, EDGES[self.month + 2])

    def talks(self) -> tuple[int, int]:
        start, end = self.held()
        return (end if self.talk is None else max(self.talk, start)), end

    def scopes(self) -> list[tuple[str, str, str | None]]:
        mine: list[tuple[str, str | None]] = [("all", None), ("trunk", self.trunk)]
        inbound = [("did", self.did), ("capacity_group", self.group)] if self.direction == "in" else []
        return [(self.direction, *scope) for scope in [*mine, *inbound]]


def _peak(spans: list[tuple[int, int]], hour: int) -> tuple[int, int | None]:
    """Most spans over one second of the hour, and the first such second, by asking each second at which one begins."""
    seconds = sorted({max(start, hour) for start, end in spans if start < end})
    counts = {s: sum(start <= s < end for start, end in spans) for s in seconds if s < hour + 3600}
    most = max(counts.values(), default=0)
    return most, next((s for s, count in counts.items() if count == most), None) if most else None


def _counted(calls: list[Drawn]) -> set[tuple[Any, ...]]:
    cells: dict[tuple[Any, ...], list[Drawn]] = defaultdict(list)
    for call in calls:
        start, end = call.held()
        for hour in range(start // 3600 * 3600, end, 3600):
            for one in call.scopes():
                cells[*one, hour].append(call)
    found = set()
    for (direction, scope, name, hour), there in cells.items():
        spans = [[c.talks() for c in there], [c.held() for c in there]]
        inside = [[(s, e) for s, e in of if s < min(e, hour + 3600)] for of in spans]
        seconds = [sum(min(end, hour + 3600) - max(start, hour) for start, end in of) for of in inside]
        if inside[1]:
            month = f"2026-{9 + sum(edge <= hour for edge in EDGES[1:]):02}"
            found.add((month, direction, scope, name, hour, *_peak(inside[0], hour), *_peak(inside[1], hour), *seconds))
    return found


def _instant(second: int | None) -> str:
    return "NULL::TIMESTAMP" if second is None else f"TIMESTAMP '{FIRST + dt.timedelta(seconds=second)}'"


def _table(calls: list[Drawn], direction: str) -> str:
    rows = [
        f"('2026-{9 + c.month:02}', {_text(c.did)}, {_text(c.trunk)}, {_text(c.group)}, {_instant(c.start)}, "
        f"{_instant(c.talk)}, {_instant(c.end)}, {'NULL' if c.duration is None else c.duration}, NULL::DECIMAL(18, 6))"
        for c in calls
        if c.direction == direction
    ]
    instants = "started_at, connected_at, ended_at, duration_seconds"
    names = f"month, did_number, trunk_name, capacity_group, {instants}, metered_usd"
    nothing = f"('', '', '', '', {_instant(0)}, {_instant(0)}, {_instant(0)}, 0::INTEGER, NULL)"
    return f"FROM (VALUES {', '.join([nothing, *rows])}) AS calls ({names}) WHERE month <> ''"


def _swept(calls: list[Drawn]) -> set[tuple[Any, ...]]:
    with duckdb.connect() as db:
        db.execute("SET threads = 1")
        db.execute("CREATE SCHEMA staging")
        for direction in ("in", "out"):
            db.execute(f"CREATE TABLE staging.calls_{direction} AS SELECT *, {UNREAD} {_table(calls, direction)}")
        db.execute(f"CREATE TABLE staging.call_spans AS {SPANS}")
        assert db.execute("SELECT count(*) FROM staging.call_spans").fetchall() == [(len(calls),)]
        db.execute(f"CREATE TABLE staging.carried_over AS {CARRIED}")
        hour, peak, held = (
            f"CAST(epoch({at} - TIMESTAMP '{FIRST}') AS BIGINT)" for at in ("hour", "peak_at", "peak_held_at")
        )
        figures = f"{hour}, peak_channels, {peak}, peak_held_channels, {held}, talk_seconds, held_seconds"
        found = db.execute(f"SELECT month, direction, scope, name, {figures} FROM ({SWEEP})").fetchall()
    assert len(found) == len(set(found))
    return set(found)


def _text(value: str | None) -> str:
    return "NULL::VARCHAR" if value is None else f"'{value}'"


STARTS = (0, 3600, EDGES[1] - 3600, EDGES[1] - 9, EDGES[1], EDGES[2] - 9)
LENGTHS = (0, 1, 2, 4, 3590, 3600, 9000)


@st.composite
def drawn(draw: st.DrawFn) -> Drawn:
    """Calls around full hours and the edges of months, of few names.

    Some have no end, one before the start or in years, an answer outside of them, no duration or a negative one, or
    stand in the file of another month.
    """
    start = draw(st.sampled_from(STARTS)) + draw(st.integers(0, 7))
    stray = draw(st.sampled_from([0, 0, 0, 0, 1]))
    month = (int(start >= EDGES[1]) + stray) % 2
    talk = draw(st.none() | st.integers(start - 2, start + 4))
    length = draw(st.sampled_from(LENGTHS))
    end = draw(st.sampled_from([None, start + length, start + length, start + length, start - 5, start + YEARS]))
    duration = draw(st.sampled_from([length, length, None, -7, 2_678_400]))  # the longest that is loaded
    names = [draw(st.sampled_from([None, "A", "B"])) for _ in range(3)]
    direction = draw(st.sampled_from(["in", "out"]))
    did, trunk, group = names if direction == "in" else (None, names[1], None)
    return Drawn(month, direction, did, trunk, group, start, talk, end, duration)


LATE = Drawn(0, "in", "A", "T", None, EDGES[1] - 60, EDGES[1] - 50, EDGES[1] + 60, 110)


@settings(max_examples=50)
@example(calls=[LATE, LATE, LATE._replace(month=1, start=EDGES[1], talk=EDGES[1], end=EDGES[1] + 5)])
@example(calls=[LATE._replace(end=EDGES[1] + YEARS), LATE._replace(end=LATE.start - 1, duration=-1)])
@given(calls=st.lists(drawn(), max_size=25))
def test_the_sweep_finds_what_counting_finds(calls: list[Drawn]) -> None:
    assert _swept(calls) == _counted(calls)
