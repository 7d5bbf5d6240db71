"""Which trunk fails, and what ends calls."""

from pipeline.report.parts import Column, Section, head_and_rest, table
from pipeline.report.published import Published, Row
from pipeline.report.wording import count, seconds, share, text

_FEW = 100
"""A trunk with fewer attempts is not said to be the one that fails most: one failure would weigh too much."""

_TRUNKS = """
WITH trunks AS (
    SELECT
        direction,
        trunk_name,
        sum(attempts) AS attempts,
        sum(answered_attempts) / nullif(sum(attempts), 0) AS asr_attempt,
        sum(ner * attempts) / nullif(sum(attempts), 0) AS ner,
        sum(isa * attempts) / nullif(sum(attempts), 0) AS isa,
        sum(minutes) * 60 / nullif(sum(answered_attempts), 0) AS acd_seconds,
        CAST(round(sum((1 - ner) * attempts)) AS BIGINT) AS failed
    FROM marts.trunk_quality WHERE month = $month GROUP BY direction, trunk_name
),
failures AS (
    SELECT direction, trunk_name, disconnect_code, disconnect_reason, sum(attempts - answered_attempts) AS attempts
    FROM marts.disconnect_causes
    WHERE month = $month AND class NOT IN ('user_busy', 'no_answer', 'reject') AND attempts > answered_attempts
    GROUP BY direction, trunk_name, disconnect_code, disconnect_reason
)
SELECT
    trunks.*,
    concat_ws(' ', failures.disconnect_code, failures.disconnect_reason) AS failure,
    failures.attempts AS failure_attempts
FROM trunks
LEFT JOIN failures
    ON failures.direction = trunks.direction AND failures.trunk_name IS NOT DISTINCT FROM trunks.trunk_name
QUALIFY row_number() OVER (
    PARTITION BY trunks.direction, trunks.trunk_name ORDER BY failures.attempts DESC, failures.disconnect_code
) = 1
ORDER BY trunks.ner, trunks.attempts DESC, trunks.trunk_name
"""
_CAUSES = """
SELECT
    direction,
    disconnect_code,
    disconnect_reason,
    class,
    disconnect_initiator,
    sum(attempts - answered_attempts) AS attempts,
    sum(attempts - answered_attempts) / sum(sum(attempts - answered_attempts)) OVER (PARTITION BY direction) AS share
FROM marts.disconnect_causes
WHERE month = $month
GROUP BY direction, disconnect_code, disconnect_reason, class, disconnect_initiator
HAVING sum(attempts - answered_attempts) > 0
ORDER BY attempts DESC, direction, disconnect_code, disconnect_reason, disconnect_initiator
"""
_CLASSES = {
    "answered": "answered",
    "user_busy": "busy",
    "no_answer": "no answer",
    "reject": "rejected",
    "bad_number": "bad number",
    "auth_config": "credentials or configuration",
    "network": "network",
    "redirect": "redirected",
    "other": "other",
}
_SHOWN = 12


def trunks(published: Published) -> Section:
    """Every trunk, the one that fails most first."""
    rows = published.rows(_TRUNKS)
    named = [row for row in rows if row["trunk_name"] is not None]
    if not named:
        return Section("trunks", "Trunks", ["marts.trunk_quality has no trunk of this month."])
    worst = next((row for row in named if row["attempts"] >= _FEW), named[0])
    said = _worst(worst)
    return Section(
        "trunks",
        "Trunks",
        [
            said,
            "Failed are attempts that were not answered for another reason than busy, no answer or rejection.",
        ],
        [table("Trunks by NER, the lowest first", rows, _TRUNK_COLUMNS)],
        brief={"Failing trunk": said},
    )


def causes(published: Published) -> Section:
    """Why attempts were not answered."""
    rows = published.rows(_CAUSES)
    if not rows:
        return Section("causes", "Why calls were not answered", ["marts.disconnect_causes has no such attempt."])
    caption = f"The {min(_SHOWN, len(rows))} most frequent causes"
    return Section(
        "causes",
        "Why calls were not answered",
        ["Attempts without an answer, by the code that ended them; shares are of the direction's unanswered attempts."],
        [
            *head_and_rest(caption, "All other causes", rows, _CAUSE_COLUMNS, _SHOWN),
        ],
    )


def _trunk(name: str | None) -> str:
    return "reached no trunk" if name is None else text(name)


_TRUNK_COLUMNS = (
    Column("trunk_name", "Trunk", _trunk, left=True),
    Column("direction", "Direction"),
    Column("attempts", "Attempts", count),
    Column("asr_attempt", "ASR", share),
    Column("acd_seconds", "ACD", seconds),
    Column("ner", "NER", share),
    Column("isa", "ISA", share),
    Column("failure", "Most frequent failure"),
    Column("failed", "Failed", count, bar=True),
)
_CAUSE_COLUMNS = (
    Column("disconnect_code", "Code"),
    Column("disconnect_reason", "Reason"),
    Column("class", "Class", lambda name: _CLASSES.get(name, name), left=True),
    Column("disconnect_initiator", "Ended by"),
    Column("direction", "Direction"),
    Column("share", "Share", share),
    Column("attempts", "Attempts", count, bar=True),
)


def _worst(row: Row) -> str:
    name = f"{_trunk(row['trunk_name'])} ({row['direction']}bound)"
    if not row["failed"]:
        return f"No trunk failed: {name} has the lowest NER, {share(row['ner'])}."
    most = f", most often with {row['failure']}" if row["failure"] else ""
    return (
        f"{name}: {share(1 - row['ner'])} of its {count(row['attempts'])} attempts failed"
        f"{most}; NER {share(row['ner'])}, ASR {share(row['asr_attempt'])}."
    )
