-- One row per direction and trunk, the lowest NER first.
-- Ask: which trunk fails most, and with what?
--
-- Failed are attempts that were not answered for another reason than busy, no answer or rejection.
WITH trunks AS (
    SELECT
        direction,
        trunk_name,
        sum(attempts) AS attempts,
        asr(sum(answered_attempts), sum(attempts)) AS asr_attempt,
        ner(sum(ner_attempts), sum(attempts)) AS ner,
        isa(sum(isa_attempts), sum(attempts)) AS isa,
        acd(sum(answered_seconds), sum(answered_calls)) AS acd_seconds,
        sum(attempts) - sum(ner_attempts) AS failed,
        ratio(sum(attempts) - sum(ner_attempts), sum(attempts)) AS failed_share
    FROM marts.trunk_quality
    WHERE month = $month
    GROUP BY direction, trunk_name
),

failures AS (
    SELECT
        direction,
        trunk_name,
        disconnect_code,
        disconnect_reason,
        sum(attempts - answered_attempts) AS attempts
    FROM marts.disconnect_causes
    WHERE
        month = $month
        AND class NOT IN ('user_busy', 'no_answer', 'reject')
        AND attempts > answered_attempts
    GROUP BY direction, trunk_name, disconnect_code, disconnect_reason
)

SELECT
    trunks.*,
    concat_ws(' ', failures.disconnect_code, failures.disconnect_reason) AS failure,
    failures.attempts AS failure_attempts
FROM trunks
LEFT JOIN failures
    ON
        trunks.direction = failures.direction
        AND failures.trunk_name IS NOT DISTINCT FROM trunks.trunk_name
QUALIFY
    row_number() OVER (
        PARTITION BY trunks.direction, trunks.trunk_name
        ORDER BY
            failures.attempts DESC, failures.disconnect_code ASC, failures.disconnect_reason ASC
    ) = 1
ORDER BY trunks.ner ASC, trunks.attempts DESC, trunks.trunk_name ASC, trunks.direction ASC
