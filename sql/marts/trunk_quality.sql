-- One row per month, direction and trunk (inbound: and trunk group).
-- Ask: which trunk fails, with what, and how slowly is it answered?
-- grain: month, direction, trunk_name, trunk_group
--
-- ASR counts attempts, which is the view of the terminating side. staging.attempt_outcomes decides
-- what counts for NER, SEER and ISA. ACD divides the connected seconds of answered attempts by
-- answered calls; the trunk of the deciding attempt answered the call. Percentiles are exact and
-- interpolated.
--
-- The answer delay counts from the start of the trunk's own attempt. It is known for a first
-- attempt, and for a deciding attempt that began after its call. A later attempt that carries the
-- start of its call does not say when the trunk was asked, so it is left out. The answer delay is
-- no post-dial delay (PDD): the records lack the time of the first ringing.
--
-- Trunks are names: a renamed trunk is a new row. Attempts that reached no trunk have a NULL name.
WITH trunks AS (
    SELECT
        month,
        direction,
        trunk_name,
        trunk_group,
        CAST(sum(attempts) AS BIGINT) AS attempts,
        coalesce(CAST(sum(attempts) FILTER (WHERE answered) AS BIGINT), 0) AS answered_attempts,
        coalesce(CAST(sum(attempts) FILTER (WHERE ner_success) AS BIGINT), 0) AS ner_attempts,
        coalesce(CAST(sum(attempts) FILTER (WHERE seer_success) AS BIGINT), 0) AS seer_attempts,
        coalesce(CAST(sum(attempts) FILTER (WHERE redirected) AS BIGINT), 0) AS redirected_attempts,
        coalesce(CAST(sum(attempts) FILTER (WHERE isa_failure) AS BIGINT), 0) AS isa_attempts,
        CAST(sum(short_calls) AS BIGINT) AS short_calls,
        CAST(sum(duration_seconds) AS BIGINT) AS duration_seconds,
        coalesce(CAST(sum(duration_seconds) FILTER (WHERE answered) AS BIGINT), 0)
            AS answered_seconds
    FROM staging.attempt_outcomes
    GROUP BY month, direction, trunk_name, trunk_group
),

calls AS (
    SELECT
        month,
        direction,
        trunk_name,
        trunk_group,
        count(*) AS answered_calls
    FROM staging.calls
    WHERE answered
    GROUP BY month, direction, trunk_name, trunk_group
),

answers AS (
    SELECT
        month,
        direction,
        trunk_name,
        trunk_group,
        date_diff('second', started_at, connected_at) AS delay_seconds
    FROM staging.attempts
    WHERE
        answered
        AND attempt = 1
    UNION ALL
    SELECT
        attempts.month,
        attempts.direction,
        attempts.trunk_name,
        attempts.trunk_group,
        date_diff('second', attempts.started_at, attempts.connected_at) AS delay_seconds
    FROM staging.attempts
    INNER JOIN staging.calls_in
        ON
            attempts.month = calls_in.month
            AND attempts.export_id = calls_in.export_id
            AND attempts.row_number = calls_in.row_number
            AND attempts.started_at > calls_in.started_at
    WHERE
        attempts.answered
        AND attempts.direction = 'in'
        AND attempts.attempt <> 1
),

delays AS (
    SELECT
        month,
        direction,
        trunk_name,
        trunk_group,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY delay_seconds) AS p50_seconds,
        percentile_cont(0.95) WITHIN GROUP (ORDER BY delay_seconds) AS p95_seconds
    FROM answers
    GROUP BY month, direction, trunk_name, trunk_group
),

failures AS (
    SELECT
        month,
        direction,
        trunk_name,
        trunk_group,
        disconnect_code,
        CAST(sum(attempts) AS BIGINT) AS attempts
    FROM staging.attempt_outcomes
    WHERE NOT answered
    GROUP BY month, direction, trunk_name, trunk_group, disconnect_code
),

ranked_failures AS (
    SELECT
        month,
        direction,
        trunk_name,
        trunk_group,
        disconnect_code,
        attempts,
        row_number() OVER (
            PARTITION BY month, direction, trunk_name, trunk_group
            ORDER BY attempts DESC, coalesce(disconnect_code, '')
        ) AS place
    FROM failures
)

SELECT
    -- Month of call start, YYYY-MM (UTC).
    trunks.month,
    -- Direction of the traffic: in (to a DID) or out.
    trunks.direction,
    -- Name of the trunk, not its id; NULL for attempts that reached none.
    trunks.trunk_name,
    -- Name of the trunk group; NULL for none, and for outbound.
    trunks.trunk_group,
    -- Attempts on the trunk: rows of the call records.
    trunks.attempts,
    -- Attempts with a connect time.
    trunks.answered_attempts,
    -- Answer-seizure ratio by attempt, 0 to 1: answered attempts / attempts.
    asr(trunks.answered_attempts, trunks.attempts) AS asr_attempt,
    -- Network effectiveness ratio, 0 to 1.
    ner(trunks.ner_attempts, trunks.attempts) AS ner,
    -- Session establishment effectiveness ratio, 0 to 1, without 3xx.
    seer(trunks.seer_attempts, trunks.attempts, trunks.redirected_attempts) AS seer,
    -- Ineffective session attempts, 0 to 1.
    isa(trunks.isa_attempts, trunks.attempts) AS isa,
    -- Attempts answered, busy, not answered or rejected by the called side.
    trunks.ner_attempts,
    -- Attempts answered or ended by SIP 480, 486, 600 or 603.
    trunks.seer_attempts,
    -- Attempts ended unanswered by a SIP 3xx redirection.
    trunks.redirected_attempts,
    -- Attempts ended unanswered by SIP 408, 500, 503 or 504.
    trunks.isa_attempts,
    -- Calls that were answered on the trunk.
    coalesce(calls.answered_calls, 0) AS answered_calls,
    -- Connected seconds of the answered attempts.
    trunks.answered_seconds,
    -- Average call duration in seconds: connected seconds of answered calls / answered calls.
    acd(trunks.answered_seconds, calls.answered_calls) AS acd_seconds,
    -- Connected minutes.
    minutes(trunks.duration_seconds) AS minutes,
    -- Answered attempts of at most short_call_seconds of the seed thresholds.
    trunks.short_calls,
    -- Median seconds from the start of the trunk's attempt to its answer, where that start is
    -- known; not the post-dial delay.
    CAST(delays.p50_seconds AS DOUBLE) AS answer_delay_p50_seconds,
    -- Seconds from the start of the trunk's attempt to its answer that 95 % of those answers stay
    -- within.
    CAST(delays.p95_seconds AS DOUBLE) AS answer_delay_p95_seconds,
    -- Most frequent code of the unanswered attempts, the lowest of equals; NULL for no code.
    ranked_failures.disconnect_code AS top_failure_code,
    -- Share of that code in the unanswered attempts, 0 to 1; NULL where none failed.
    ratio(ranked_failures.attempts, trunks.attempts - trunks.answered_attempts)
        AS top_failure_share,
    -- Unanswered attempts with that code.
    coalesce(ranked_failures.attempts, 0) AS top_failure_attempts
FROM trunks
LEFT JOIN calls
    ON
        trunks.month = calls.month
        AND trunks.direction = calls.direction
        AND calls.trunk_name IS NOT DISTINCT FROM trunks.trunk_name
        AND calls.trunk_group IS NOT DISTINCT FROM trunks.trunk_group
LEFT JOIN delays
    ON
        trunks.month = delays.month
        AND trunks.direction = delays.direction
        AND delays.trunk_name IS NOT DISTINCT FROM trunks.trunk_name
        AND delays.trunk_group IS NOT DISTINCT FROM trunks.trunk_group
LEFT JOIN ranked_failures
    ON
        trunks.month = ranked_failures.month
        AND trunks.direction = ranked_failures.direction
        AND ranked_failures.trunk_name IS NOT DISTINCT FROM trunks.trunk_name
        AND ranked_failures.trunk_group IS NOT DISTINCT FROM trunks.trunk_group
        AND ranked_failures.place = 1
