"""Our numbers: which are busy, which have gone quiet."""

from collections.abc import Sequence
from datetime import datetime

from pipeline.report.parts import Column, Section, head_and_rest, table
from pipeline.report.published import Published, Row
from pipeline.report.wording import count, instant, several, share, text, usd

_SHOWN = 15

_USED = """
SELECT
    did_number,
    answered_calls / nullif(calls, 0) AS asr_call,
    minutes,
    callers,
    busiest_hour,
    last_call_at,
    total_usd,
    calls
FROM marts.did_usage WHERE month = $month ORDER BY calls DESC, minutes DESC, did_number
"""
_IDLE = """
SELECT did_number, last_call_at, idle_days, months, calls
FROM trends.dids WHERE idle AND strftime(first_call_at, '%Y-%m') <= $month ORDER BY idle_days DESC, did_number
"""


def dids(published: Published) -> Section:
    """The busiest of the month, and those that nobody calls any more."""
    used, idle = published.rows(_USED), published.rows(_IDLE)
    if not used:
        return Section("dids", "DIDs", ["marts.did_usage has no DID of this month."])
    return Section(
        "dids",
        "DIDs",
        [_said(used), _quiet(idle)],
        [
            *head_and_rest(f"The {min(len(used), _SHOWN)} busiest DIDs", "All other DIDs", used, _COLUMNS, _SHOWN),
            *([table("DIDs that have gone quiet", idle, _QUIET, folded=True)] if idle else []),
        ],
        brief={"Busiest DID": _busiest(used[0])},
    )


def _hour(hour: int | None) -> str:
    return text(None) if hour is None else f"{hour:02d}:00"


_COLUMNS = (
    Column("did_number", "DID"),
    Column("asr_call", "ASR", share),
    Column("minutes", "Minutes", count),
    Column("callers", "Callers", count),
    Column("busiest_hour", "Busiest hour", _hour),
    Column("last_call_at", "Last call", instant),
    Column("total_usd", "Cost, USD", usd),
    Column("calls", "Calls", count, bar=True),
)
_QUIET = (
    Column("did_number", "DID"),
    Column("last_call_at", "Last call", instant),
    Column("idle_days", "Days ago", count),
    Column("months", "Months called in", count),
    Column("calls", "Calls in all", count),
)


def _busiest(first: Row) -> str:
    return (
        f"{text(first['did_number'])}: {several(first['calls'], 'call')}, {count(first['minutes'])} minutes, "
        f"USD {usd(first['total_usd'])}."
    )


def _said(used: Sequence[Row]) -> str:
    total = sum(row["calls"] for row in used)
    top = used[:_SHOWN]
    taken = share(sum(row["calls"] for row in top) / total)
    return f"DIDs that were called: {len(used)}. The {len(top)} busiest took {taken} of the calls."


def _quiet(idle: Sequence[Row]) -> str:
    if not idle:
        return "No DID that was ever called has gone quiet."
    last: datetime = idle[0]["last_call_at"]
    return f"DIDs that have gone quiet: {len(idle)}, the first of them since {instant(last)}; each still costs its fee."
