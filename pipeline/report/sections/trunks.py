"""Show which trunk fails, and what ends calls."""

from pipeline.report.parts import Column, Section, head_and_rest, table
from pipeline.report.published import Published, Row
from pipeline.report.wording import count, seconds, several, share, text

_FEW = 100
"""A trunk with fewer attempts is not named as the worst: a single failure would weigh too much."""

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
    """Return every trunk, the trunk that fails most first."""
    rows = published.rows("trunks")
    named = [row for row in rows if row["trunk_name"] is not None]
    if not named:
        return Section("trunks", "Trunks", [published.empty("marts.trunk_quality", "No trunk was used in this month.")])
    worst = next((row for row in named if row["attempts"] >= _FEW), named[0])
    sentence = _worst(worst)
    return Section(
        "trunks",
        "Trunks",
        [
            sentence,
            "Failed are attempts that were not answered for another reason than busy, no answer or rejection.",
        ],
        [table("Trunks by NER, the lowest first", rows, _TRUNK_COLUMNS)],
        brief={"Failing trunk": sentence},
    )


def causes(published: Published) -> Section:
    """Return why attempts were not answered."""
    rows = published.rows("causes")
    if not rows:
        sentence = published.empty("marts.disconnect_causes", "No attempt was left unanswered in this month.")
        return Section("causes", "Why calls were not answered", [sentence])
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
        f"{name}: {share(row['failed_share'])} of its {several(row['attempts'], 'attempt')} failed"
        f"{most}; NER {share(row['ner'])}, ASR by attempt {share(row['asr_attempt'])}."
    )
