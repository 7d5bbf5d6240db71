"""Which trunk fails, and what ends calls."""

from pipeline.report.parts import Column, Section, head_and_rest, table
from pipeline.report.published import Published, Row
from pipeline.report.wording import count, seconds, several, share, text

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
        sum(answered_seconds) / nullif(sum(answered_calls), 0) AS acd_seconds,
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
    "capacity": "no channel free",
    "redirect": "redirected",
    "other": "other",
}
_SHOWN = 12


def trunks(published: Published) -> Section:
    """Every trunk, the one that fails most first."""
    rows = published.rows(_TRUNKS)
    named = [row for row in rows if row["trunk_name"] is not None]
    if not named:
        return Section("trunks", "Trunks", [published.empty("marts.trunk_quality", "No trunk was used in this month.")])
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
        said = published.empty("marts.disconnect_causes", "No attempt was left unanswered in this month.")
        return Section("causes", "Why calls were not answered", [said])
    return Section(
        "causes",
        "Why calls were not answered",
        ["Attempts without an answer, by the code that ended them; shares are of the direction's unanswered attempts."],
        [
            *head_and_rest("The most frequent causes", "All other causes", rows, _CAUSE_COLUMNS, _SHOWN),
        ],
    )


def _trunk(name: str | None) -> str:
    return "reached no trunk" if name is None else text(name)


_TRUNK_COLUMNS = (
    Column("trunk_name", "Trunk", _trunk, left=True),
    Column("ner", "NER", share),
    Column("failed", "Failed", count, bar=True),
    Column("direction", "Direction"),
    Column("attempts", "Attempts", count),
    Column("asr_attempt", "ASR by attempt", share),
    Column("acd_seconds", "ACD", seconds),
    Column("isa", "ISA", share),
    Column("failure", "Most frequent failure"),
)
_CAUSE_COLUMNS = (
    Column("disconnect_code", "Code"),
    Column("attempts", "Attempts", count, bar=True),
    Column("disconnect_reason", "Reason"),
    Column("class", "Class", lambda name: _CLASSES.get(name, name), left=True),
    Column("disconnect_initiator", "Ended by"),
    Column("direction", "Direction"),
    Column("share", "Share", share),
)


def _worst(row: Row) -> str:
    name = f"{_trunk(row['trunk_name'])} ({row['direction']}bound)"
    if not row["failed"]:
        return f"No trunk failed: {name} has the lowest NER, {share(row['ner'])}."
    most = f", most often with {row['failure']}" if row["failure"] else ""
    return (
        f"{name}: {share(1 - row['ner'])} of its {several(row['attempts'], 'attempt')} failed"
        f"{most}; NER {share(row['ner'])}, ASR by attempt {share(row['asr_attempt'])}."
    )
