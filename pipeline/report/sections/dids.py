"""Show which of our numbers are busy, and which have gone quiet."""

from collections.abc import Sequence
from datetime import datetime

from pipeline.report.parts import Column, Section, Table, head_and_rest, table
from pipeline.report.published import Published, Row
from pipeline.report.wording import count, several, share, text, timestamp, usd

_SHOWN = 15


def dids(published: Published) -> Section:
    """Return the busiest DIDs of the month, and the DIDs that get no calls any more."""
    used, idle = published.rows("dids_used"), published.rows("dids_idle")
    if not used:
        sentence = published.empty("marts.did_usage", "No DID was called in this month.", "cdr_in")
        return Section("dids", "DIDs", [sentence, *([_quiet(idle)] if idle else [])], _quiet_table(idle))
    return Section(
        "dids",
        "DIDs",
        [_said(used), _quiet(idle)],
        [
            *head_and_rest("The busiest DIDs", "All other DIDs", used, _COLUMNS, _SHOWN),
            *_quiet_table(idle),
        ],
        brief={"Busiest DID": _busiest(used[0])},
    )


def _hour(hour: int | None) -> str:
    return text(None) if hour is None else f"{hour:02d}:00"


_COLUMNS = (
    Column("did_number", "DID"),
    Column("calls", "Calls", count, bar=True),
    Column("asr_call", "ASR", share),
    Column("minutes", "Minutes", count),
    Column("callers", "Callers", count),
    Column("busiest_hour", "Busiest hour, UTC", _hour),
    Column("last_call_at", "Last call, UTC", timestamp),
    Column("total_usd", "Cost, USD", usd),
)
_QUIET = (
    Column("did_number", "DID"),
    Column("idle_days", "Days ago", count),
    Column("last_call_at", "Last call, UTC", timestamp),
    Column("months", "Months called in", count),
    Column("calls", "Calls in all", count),
)


def _busiest(first: Row) -> str:
    return (
        f"{text(first['did_number'])}: {several(first['calls'], 'call')}, {several(first['minutes'], 'minute')}, "
        f"USD {usd(first['total_usd'])}."
    )


def _said(used: Sequence[Row]) -> str:
    top = used[:_SHOWN]
    taken = share(top[-1]["calls_share_to_here"])
    return f"DIDs that were called: {len(used)}. Those with most calls, {len(top)} of them, took {taken} of the calls."


def _quiet_table(idle: Sequence[Row]) -> Sequence[Table]:
    return [table("DIDs that have gone quiet", idle, _QUIET, folded=True)] if idle else []


def _quiet(idle: Sequence[Row]) -> str:
    if not idle:
        return "No DID that was ever called has gone quiet."
    last: datetime = idle[0]["last_call_at"]
    since = f"the first of them since {timestamp(last)} UTC"
    return f"DIDs that have gone quiet: {len(idle)}, {since}; each still costs its fee."
