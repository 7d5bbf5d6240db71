"""Channels in use, against a slow count of every second that matters."""

import datetime as dt
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

SWEEP = (Path(__file__).parents[2] / "sql" / "staging" / "channel_hours.sql").read_text("utf-8")
MONTH = dt.datetime(2026, 10, 1)  # noqa: DTZ001
LENGTH = 31 * 86400


class Drawn(NamedTuple):
    """A call in seconds of the month; ``talk`` and ``end`` may be absent."""

    direction: str
    did: str | None
    trunk: str | None
    group: str | None
    start: int
    talk: int | None
    end: int | None
    duration: int

    @property
    def ended(self) -> int:
        given = self.end if self.end is not None else None if self.talk is None else self.talk + self.duration
        return self.start if given is None else min(given, LENGTH)

    @property
    def talks(self) -> int:
        return self.ended if self.talk is None else max(self.talk, self.start)

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
        for hour in range(call.start // 3600 * 3600, call.ended, 3600):
            for one in call.scopes():
                cells[*one, hour].append(call)
    found = set()
    for (direction, scope, name, hour), there in cells.items():
        held = [(c.start, c.ended) for c in there if c.start < c.ended and c.ended > hour]
        talk = [(c.talks, c.ended) for c in there if c.talks < c.ended and c.ended > hour and c.talks < hour + 3600]
        seconds = [sum(min(end, hour + 3600) - max(start, hour) for start, end in spans) for spans in (talk, held)]
        if held:
            found.add((direction, scope, name, hour, *_peak(talk, hour), *_peak(held, hour), *seconds))
    return found


def _instant(second: int | None) -> str:
    return "NULL::TIMESTAMP" if second is None else f"TIMESTAMP '{MONTH + dt.timedelta(seconds=second)}'"


def _swept(calls: list[Drawn]) -> set[tuple[Any, ...]]:
    def table(direction: str) -> str:
        rows = [
            f"('2026-10', {_text(c.did)}, {_text(c.trunk)}, {_text(c.group)}, {_instant(c.start)}, {_instant(c.talk)}, "
            f"{_instant(c.end)}, {c.duration})"
            for c in calls
            if c.direction == direction
        ]
        names = "month, did_number, trunk_name, capacity_group, started_at, connected_at, ended_at, duration_seconds"
        nothing = f"('', '', '', '', {_instant(0)}, {_instant(0)}, {_instant(0)}, 0)"
        return f"FROM (VALUES {', '.join([nothing, *rows])}) AS calls ({names}) WHERE month <> ''"

    with duckdb.connect() as db:
        db.execute("SET threads = 1")
        db.execute("CREATE SCHEMA staging")
        for direction in ("in", "out"):
            db.execute(f"CREATE TABLE staging.calls_{direction} AS {table(direction)}")
        hour, peak, held = (
            f"CAST(epoch({at} - TIMESTAMP '{MONTH}') AS BIGINT)" for at in ("hour", "peak_at", "peak_held_at")
        )
        figures = f"{hour}, peak_channels, {peak}, peak_held_channels, {held}, talk_seconds, held_seconds"
        found = db.execute(f"SELECT direction, scope, name, {figures} FROM ({SWEEP})").fetchall()
    assert len(found) == len(set(found))
    return set(found)


def _text(value: str | None) -> str:
    return "NULL::VARCHAR" if value is None else f"'{value}'"


@st.composite
def drawn(draw: st.DrawFn) -> Drawn:
    """Calls around full hours and the month's end, of few names; some have no end, or an answer outside of them."""
    start = draw(st.sampled_from([0, 3600, 7200, LENGTH - 3600, LENGTH - 9])) + draw(st.integers(0, 7))
    talk = draw(st.none() | st.integers(max(start - 2, 0), start + 4))
    duration = draw(st.sampled_from([0, 1, 2, 4, 3590, 3600, 9000]))
    end = draw(st.none() | st.just(start + duration))
    names = [draw(st.sampled_from([None, "A", "B"])) for _ in range(3)]
    direction = draw(st.sampled_from(["in", "out"]))
    did, trunk, group = names if direction == "in" else (None, names[1], None)
    return Drawn(direction, did, trunk, group, start, talk, end, duration)


@settings(max_examples=50)
@given(calls=st.lists(drawn(), max_size=25))
def test_the_sweep_finds_what_counting_finds(calls: list[Drawn]) -> None:
    assert _swept(calls) == _counted(calls)
