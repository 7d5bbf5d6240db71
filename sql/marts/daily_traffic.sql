-- One row per UTC day of call start and direction. Ask: how much traffic was there, how well did it complete, what did it cost?
--
-- ASR = answered / calls (E.411, E.425 1.3), and answered / attempts beside it. NER = (answered + user busy + no answer +
-- reject) / attempts (E.425 1.5), by the class of the code in seeds.disconnect_classes. SEER = {200, 480, 486, 600, 603} /
-- (attempts - 3xx) and ISA = {408, 500, 503, 504} / attempts (RFC 6076 4.7, 4.8): an attempt with a connect time counts as
-- 200 whatever ended it later. ACD = connected seconds / answered calls. Ratios do not add up over days: divide the sums.
-- The answer delay is no PDD: the records have no time of the first ringing. It is taken from instants in whole seconds.
-- A day without a call has no row.
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
traffic AS (
    SELECT
        month,
        day,
        direction,
        count(*) AS attempts,
        count(*) FILTER (WHERE answered) AS answered_attempts,
        count(*) FILTER (WHERE ner_success) AS ner_attempts,
        count(*) FILTER (WHERE seer_success) AS seer_attempts,
        count(*) FILTER (WHERE redirected) AS redirected_attempts,
        count(*) FILTER (WHERE isa_failure) AS isa_attempts,
        count(*) FILTER (WHERE short) AS short_calls,
        coalesce(CAST(sum(duration_seconds) AS BIGINT), 0) AS duration_seconds,
        CAST(sum(billing_seconds) AS BIGINT) AS billing_seconds,
        avg(answer_delay_seconds) AS answer_delay_seconds,
        coalesce(CAST(sum(cost_usd) AS DECIMAL(18, 6)), 0) AS cost_usd
    FROM outcomes
    GROUP BY month, day, direction
),
calls AS (
    SELECT
        month,
        CAST(started_at AS DATE) AS day,
        'in' AS direction,
        count(*) AS calls,
        count(*) FILTER (WHERE answered) AS answered_calls
    FROM staging.calls_in
    GROUP BY month, CAST(started_at AS DATE)
    UNION ALL
    SELECT
        month,
        CAST(started_at AS DATE) AS day,
        'out' AS direction,
        count(*) AS calls,
        count(*) FILTER (WHERE answered) AS answered_calls
    FROM staging.calls_out
    GROUP BY month, CAST(started_at AS DATE)
)
SELECT
    traffic.month, -- Month of call start, YYYY-MM (UTC).
    traffic.day, -- Day of call start (UTC).
    traffic.direction, -- Direction of the traffic: in (to a DID) or out.
    traffic.attempts, -- Attempts: rows of the call records.
    coalesce(calls.calls, 0) AS calls, -- Calls: an inbound call counts once however many attempts it took.
    coalesce(calls.answered_calls, 0) AS answered_calls, -- Calls with a connect time.
    traffic.answered_attempts, -- Attempts with a connect time.
    CAST(calls.answered_calls AS DOUBLE) / nullif(calls.calls, 0) AS asr_call, -- Answer-seizure ratio by call, 0 to 1: answered calls / calls.
    CAST(traffic.answered_attempts AS DOUBLE) / nullif(traffic.attempts, 0) AS asr_attempt, -- Answer-seizure ratio by attempt, 0 to 1: answered attempts / attempts.
    CAST(traffic.ner_attempts AS DOUBLE) / nullif(traffic.attempts, 0) AS ner, -- Network effectiveness ratio, 0 to 1: ner_attempts / attempts.
    CAST(traffic.seer_attempts AS DOUBLE) / nullif(traffic.attempts - traffic.redirected_attempts, 0) AS seer, -- Session establishment effectiveness ratio, 0 to 1: seer_attempts / (attempts - redirected_attempts).
    CAST(traffic.isa_attempts AS DOUBLE) / nullif(traffic.attempts, 0) AS isa, -- Ineffective session attempts, 0 to 1: isa_attempts / attempts.
    traffic.ner_attempts, -- Attempts answered, busy, not answered or rejected by the called side.
    traffic.seer_attempts, -- Attempts answered or ended by SIP 480, 486, 600 or 603.
    traffic.redirected_attempts, -- Attempts ended unanswered by a SIP 3xx redirection.
    traffic.isa_attempts, -- Attempts ended unanswered by SIP 408, 500, 503 or 504.
    CAST(traffic.duration_seconds AS DOUBLE) / nullif(calls.answered_calls, 0) AS acd_seconds, -- Average call duration in seconds: connected seconds / answered calls.
    traffic.duration_seconds, -- Connected seconds.
    CAST(traffic.duration_seconds AS DOUBLE) / 60 AS minutes, -- Connected minutes.
    traffic.billing_seconds, -- Seconds charged after rounding to increments; NULL for inbound, where the vendor does not say.
    CAST(traffic.billing_seconds AS DOUBLE) / 60 AS billed_minutes, -- Minutes charged after rounding to increments; NULL for inbound.
    traffic.short_calls, -- Answered attempts of at most 6 seconds.
    CAST(traffic.short_calls AS DOUBLE) / nullif(traffic.answered_attempts, 0) AS short_call_share, -- Short calls / answered attempts, 0 to 1.
    CAST(traffic.answer_delay_seconds AS DOUBLE) AS answer_delay_seconds, -- Mean seconds from the call's start to its answer, earlier attempts included; not the post-dial delay.
    traffic.cost_usd, -- What the attempts cost, USD.
    CAST(traffic.cost_usd AS DOUBLE) / nullif(CAST(coalesce(traffic.billing_seconds, traffic.duration_seconds) AS DOUBLE) / 60, 0) AS cost_per_minute_usd -- Cost in USD per billed minute (out) or per connected minute (in).
FROM traffic
LEFT JOIN calls
    ON calls.month = traffic.month
    AND calls.day = traffic.day
    AND calls.direction = traffic.direction
