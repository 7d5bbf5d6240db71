-- One row per month, direction and trunk (inbound: and trunk group). Ask: which trunk fails, with what, and how slowly is it answered?
--
-- ASR = answered / attempts, the terminating side's view (E.425 1.3). NER = (answered + user busy + no answer + reject) /
-- attempts (E.425 1.5), by the class of the code in seeds.disconnect_classes. SEER = {200, 480, 486, 600, 603} /
-- (attempts - 3xx) and ISA = {408, 500, 503, 504} / attempts (RFC 6076 4.7, 4.8): an attempt with a connect time counts as
-- 200 whatever ended it later. ACD = connected seconds / answered. Percentiles are exact and interpolated. The answer delay
-- is no PDD. Trunks are names: a renamed trunk is a new row. Attempts that reached no trunk have a NULL name.
WITH attempts AS (
    SELECT
        month,
        'in' AS direction,
        trunk_name,
        trunk_group,
        started_at,
        connected_at,
        duration_seconds,
        CAST(NULL AS INTEGER) AS billing_seconds,
        disconnect_code,
        total_usd AS cost_usd
    FROM cdr_in
    UNION ALL
    SELECT
        month,
        'out' AS direction,
        trunk_name,
        CAST(NULL AS VARCHAR) AS trunk_group,
        started_at,
        connected_at,
        duration_seconds,
        coalesce(billing_seconds, 0) AS billing_seconds,
        disconnect_code,
        charged_usd AS cost_usd
    FROM cdr_out
),
outcomes AS (
    SELECT
        attempts.month,
        attempts.direction,
        attempts.trunk_name,
        attempts.trunk_group,
        CAST(attempts.started_at AS DATE) AS day,
        attempts.duration_seconds,
        attempts.billing_seconds,
        attempts.disconnect_code,
        attempts.cost_usd,
        date_diff('second', attempts.started_at, attempts.connected_at) AS answer_delay_seconds,
        attempts.connected_at IS NOT NULL AS answered,
        attempts.connected_at IS NOT NULL
        OR coalesce(classes.class, 'other') IN ('user_busy', 'no_answer', 'reject') AS ner_success,
        attempts.connected_at IS NOT NULL
        OR coalesce(attempts.disconnect_code, '') IN ('480', '486', '600', '603') AS seer_success,
        attempts.connected_at IS NULL
        AND coalesce(attempts.disconnect_code, '') LIKE '3__' AS redirected,
        attempts.connected_at IS NULL
        AND coalesce(attempts.disconnect_code, '') IN ('408', '500', '503', '504') AS isa_failure,
        attempts.connected_at IS NOT NULL
        AND attempts.duration_seconds <= 6 AS short -- the short-call limit, in seconds
    FROM attempts
    LEFT JOIN seeds.disconnect_classes AS classes
        ON classes.disconnect_code = attempts.disconnect_code
),
trunks AS (
    SELECT
        month,
        direction,
        trunk_name,
        trunk_group,
        count(*) AS attempts,
        count(*) FILTER (WHERE answered) AS answered_attempts,
        count(*) FILTER (WHERE ner_success) AS ner_attempts,
        count(*) FILTER (WHERE seer_success) AS seer_attempts,
        count(*) FILTER (WHERE redirected) AS redirected_attempts,
        count(*) FILTER (WHERE isa_failure) AS isa_attempts,
        count(*) FILTER (WHERE short) AS short_calls,
        coalesce(CAST(sum(duration_seconds) AS BIGINT), 0) AS duration_seconds,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY answer_delay_seconds) AS answer_delay_p50_seconds,
        percentile_cont(0.95) WITHIN GROUP (ORDER BY answer_delay_seconds) AS answer_delay_p95_seconds
    FROM outcomes
    GROUP BY month, direction, trunk_name, trunk_group
),
failures AS (
    SELECT
        month,
        direction,
        trunk_name,
        trunk_group,
        disconnect_code,
        count(*) AS attempts
    FROM outcomes
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
    trunks.month, -- Month of call start, YYYY-MM (UTC).
    trunks.direction, -- Direction of the traffic: in (to a DID) or out.
    trunks.trunk_name, -- Name of the trunk, not its id; NULL for attempts that reached none.
    trunks.trunk_group, -- Name of the trunk group; NULL where there is none, and for outbound.
    trunks.attempts, -- Attempts on the trunk: rows of the call records.
    trunks.answered_attempts, -- Attempts with a connect time.
    CAST(trunks.answered_attempts AS DOUBLE) / nullif(trunks.attempts, 0) AS asr_attempt, -- Answer-seizure ratio by attempt, 0 to 1: answered attempts / attempts.
    CAST(trunks.ner_attempts AS DOUBLE) / nullif(trunks.attempts, 0) AS ner, -- Network effectiveness ratio, 0 to 1.
    CAST(trunks.seer_attempts AS DOUBLE) / nullif(trunks.attempts - trunks.redirected_attempts, 0) AS seer, -- Session establishment effectiveness ratio, 0 to 1, without 3xx.
    CAST(trunks.isa_attempts AS DOUBLE) / nullif(trunks.attempts, 0) AS isa, -- Ineffective session attempts, 0 to 1.
    CAST(trunks.duration_seconds AS DOUBLE) / nullif(trunks.answered_attempts, 0) AS acd_seconds, -- Average call duration in seconds: connected seconds / answered attempts.
    CAST(trunks.duration_seconds AS DOUBLE) / 60 AS minutes, -- Connected minutes.
    trunks.short_calls, -- Answered attempts of at most 6 seconds.
    CAST(trunks.answer_delay_p50_seconds AS DOUBLE) AS answer_delay_p50_seconds, -- Median seconds from the call's start to its answer; not the post-dial delay.
    CAST(trunks.answer_delay_p95_seconds AS DOUBLE) AS answer_delay_p95_seconds, -- Seconds from the call's start to its answer that 95 % of the answers stay within.
    ranked_failures.disconnect_code AS top_failure_code, -- Most frequent code of the unanswered attempts; of equals the lowest.
    CAST(ranked_failures.attempts AS DOUBLE) / nullif(trunks.attempts - trunks.answered_attempts, 0) AS top_failure_share -- Share of that code in the unanswered attempts, 0 to 1; NULL where none failed.
FROM trunks
LEFT JOIN ranked_failures
    ON ranked_failures.month = trunks.month
    AND ranked_failures.direction = trunks.direction
    AND ranked_failures.trunk_name IS NOT DISTINCT FROM trunks.trunk_name
    AND ranked_failures.trunk_group IS NOT DISTINCT FROM trunks.trunk_group
    AND ranked_failures.place = 1
