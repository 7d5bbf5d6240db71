"""Show how many channels were in use at once: at which hours, on which days, through what."""

from collections.abc import Iterator, Sequence

from pipeline.report.charts import DIRECTIONS, DailyChart, by_day, pivot
from pipeline.report.parts import Cell, Column, Section, Table, drawn_length, head_and_rest
from pipeline.report.published import Published, Row
from pipeline.report.wording import NONE, count, day, decimal, several, timestamp

_PEAKS = DailyChart(
    "peak-channels",
    "Most channels at once per day",
    "Most channels in use at once on each day, inbound and outbound; the heat maps have the same by hour.",
    DIRECTIONS,
    "groups",
)
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_SHOWN = 10


def capacity(published: Published) -> Section:
    """Return the peaks of the month, the heat map of its hours, and the numbers and trunks behind them."""
    days, hours, places, lost = map(published.rows, ("peak_days", "peak_hours", "peak_places", "lost_calls"))
    used = [row for row in days if row["channels"]]
    if not used and not lost:
        sentence = published.empty("marts.peak_concurrency", "No channel was in use in this month.")
        return Section("capacity", "Channels in use", [sentence])
    peaks = " ".join(_peaks(used))
    return Section(
        "capacity",
        "Channels in use",
        [
            *([peaks, _busy(max(used, key=lambda row: row["erlangs"]))] if used else ["No channel was in use."]),
            _lost(lost),
            "Counted to the second; a channel is in use from the start of a call to its end, ringing included.",
        ],
        [
            by_day(published, pivot(days, "direction", "channels"), _PEAKS),
            *_heat(hours),
            *head_and_rest("Where most channels were in use", "Elsewhere", places, _PLACE_COLUMNS, _SHOWN),
        ],
        brief={"Most channels": peaks} if used else {},
    )


def _ways(rows: Sequence[Row]) -> list[str]:
    return sorted({row["direction"] for row in rows})


def _peaks(days: Sequence[Row]) -> Iterator[str]:
    """Say when most channels were in use, the direction with most first."""
    most = [max((row for row in days if row["direction"] == way), key=_channels) for way in _ways(days)]
    for row in sorted(most, key=_channels, reverse=True):
        at = row["peak_at"]
        yield f"{count(row['channels'])} {row['direction']}bound at once on {day(at)} at {at:%H:%M:%S} UTC."


def _lost(rows: Sequence[Row]) -> str:
    """Say how many calls found no channel, and when most did."""
    if not rows:
        return "No call is known to have been lost for lack of a channel."
    worst = max(rows, key=lambda row: row["lost"])
    return (
        f"Lost for lack of a channel: {several(sum(row['lost'] for row in rows), 'call')}; most within an hour, "
        f"{count(worst['lost'])}, on {day(worst['hour'])} from {worst['hour']:%H:%M} UTC."
    )


def _channels(row: Row) -> int:
    return int(row["channels"])


def _busy(row: Row) -> str:
    """Say which hour had most traffic, and how many channels carry it."""
    sentence = (
        f"The busiest hour was {day(row['busy_hour'])} from {row['busy_hour']:%H:%M} UTC: "
        f"{decimal(row['erlangs'])} Erlang"
    )
    return f"{sentence} {row['direction']}bound" + (
        f", which {several(row['needed'], 'channel')} carry by Erlang B." if row["needed"] else "."
    )


def _heat(hours: Sequence[Row]) -> Iterator[Table]:
    """Yield a heat map of the most channels by hour and weekday for each direction, on one scale."""
    most = max((row["channels"] for row in hours), default=0)
    for way in _ways(hours):
        found = {(row["weekday"], row["hour"]): row["channels"] for row in hours if row["direction"] == way}
        rows = [
            [Cell(name), *(_hour(found.get((number, hour)), most, way) for hour in range(24))]
            for number, name in enumerate(_WEEKDAYS, start=1)
        ]
        heads = [Cell(""), *(Cell(f"{hour:02d}", number=True) for hour in range(24))]
        caption = f"Most {way}bound channels at once, by weekday and hour (UTC)"
        yield Table(caption, heads, rows, kind="heatmap")


def _hour(channels: int | None, most: int, way: str) -> Cell:
    if channels is None:
        return Cell(NONE, number=True)
    return Cell(count(channels), number=True, heat=drawn_length(channels, most), tone=f"dir-{way}")


_KINDS = {"did": "DID", "trunk": "trunk", "capacity_group": "capacity group"}
_PLACE_COLUMNS = (
    Column("name", "Name"),
    Column("channels", "Channels", count, bar=True),
    Column("lost", "Lost calls", count),
    Column("scope", "Kind", lambda scope: _KINDS.get(scope, scope), left=True),
    Column("direction", "Direction"),
    Column("erlangs", "Busy hour, Erlang", decimal),
    Column("needed", "Channels needed", count),
    Column("peak_at", "Most at once, UTC", timestamp),
)
