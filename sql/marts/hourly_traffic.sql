-- One row per UTC hour of call start and direction.
-- Ask: how much traffic was there, how well did it complete, what did it cost?
-- grain: month, hour, direction
--
-- The metrics of sql/metrics define ASR, NER, SEER, ISA and ACD; staging.attempt_outcomes decides
-- which attempts count. Ratios do not add up over hours: divide the sums of the counts. Medians
-- cannot be combined.
--
-- The answer delay is no post-dial delay: the records lack the time of the first ringing. SBR
-- cannot be computed either: the records lack bids that never became a call. Times are in whole
-- seconds. CPS counts calls that begin in the busiest second. An hour without a call has no row.
--
-- A call counts in the hour in which it began, with all its seconds.
WITH traffic AS (
    SELECT
        month,
        hour,
        direction,
        CAST(sum(attempts) AS BIGINT) AS attempts,
        coalesce(CAST(sum(attempts) FILTER (WHERE answered) AS BIGINT), 0) AS answered_attempts,
        coalesce(CAST(sum(attempts) FILTER (WHERE ner_success) AS BIGINT), 0) AS ner_attempts,
        coalesce(CAST(sum(attempts) FILTER (WHERE seer_success) AS BIGINT), 0) AS seer_attempts,
        coalesce(CAST(sum(attempts) FILTER (WHERE redirected) AS BIGINT), 0) AS redirected_attempts,
        coalesce(CAST(sum(attempts) FILTER (WHERE isa_failure) AS BIGINT), 0) AS isa_attempts,
        CAST(sum(short_calls) AS BIGINT) AS short_calls,
        CAST(sum(billing_seconds) AS BIGINT) AS billing_seconds,
        CAST(sum(cost_usd) AS DECIMAL(38, 6)) AS cost_usd
    FROM staging.attempt_outcomes
    GROUP BY month, hour, direction
),

hours AS (
    SELECT
        month,
        date_trunc('hour', started_at) AS hour,
        direction,
        count(*) AS calls,
        count(*) FILTER (WHERE answered) AS answered_calls,
        CAST(sum(duration_seconds) AS BIGINT) AS duration_seconds,
        CAST(sum(duration_seconds) FILTER (WHERE answered) AS BIGINT) AS answered_seconds
    FROM staging.calls
    GROUP BY month, date_trunc('hour', started_at), direction
),

seconds AS (
    SELECT
        month,
        date_trunc('second', started_at) AS second,
        direction,
        count(*) AS calls
    FROM staging.calls
    GROUP BY month, date_trunc('second', started_at), direction
),

peaks AS (
    SELECT
        month,
        date_trunc('hour', second) AS hour,
        direction,
        max(calls) AS peak_cps
    FROM seconds
    GROUP BY month, date_trunc('hour', second), direction
),

answers AS (
    SELECT
        month,
        date_trunc('hour', started_at) AS hour,
        direction,
        date_diff('second', started_at, connected_at) AS delay_seconds
    FROM staging.calls
    WHERE answered
),

delays AS (
    SELECT
        month,
        hour,
        direction,
        CAST(sum(delay_seconds) AS BIGINT) AS delay_seconds,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY delay_seconds) AS p50_seconds
    FROM answers
    GROUP BY month, hour, direction
)

SELECT
    -- Month of call start, YYYY-MM (UTC).
    traffic.month,
    -- Beginning of the hour of call start, UTC.
    traffic.hour,
    -- Direction of the traffic: in (to a DID) or out.
    traffic.direction,
    -- Attempts: rows of the call records.
    traffic.attempts,
    -- Calls: an inbound call counts once however many attempts it took.
    coalesce(hours.calls, 0) AS calls,
    -- Calls with a connect time.
    coalesce(hours.answered_calls, 0) AS answered_calls,
    -- Attempts with a connect time.
    traffic.answered_attempts,
    -- Answer-seizure ratio by call, 0 to 1: answered calls / calls.
    asr(hours.answered_calls, hours.calls) AS asr_call,
    -- Answer-seizure ratio by attempt, 0 to 1: answered attempts / attempts.
    asr(traffic.answered_attempts, traffic.attempts) AS asr_attempt,
    -- Network effectiveness ratio, 0 to 1: ner_attempts / attempts.
    ner(traffic.ner_attempts, traffic.attempts) AS ner,
    -- Session establishment effectiveness ratio, 0 to 1: seer_attempts / (attempts -
    -- redirected_attempts).
    seer(traffic.seer_attempts, traffic.attempts, traffic.redirected_attempts) AS seer,
    -- Ineffective session attempts, 0 to 1: isa_attempts / attempts.
    isa(traffic.isa_attempts, traffic.attempts) AS isa,
    -- Attempts answered, busy, not answered or rejected by the called side.
    traffic.ner_attempts,
    -- Attempts answered or ended by SIP 480, 486, 600 or 603.
    traffic.seer_attempts,
    -- Attempts ended unanswered by a SIP 3xx redirection.
    traffic.redirected_attempts,
    -- Attempts ended unanswered by SIP 408, 500, 503 or 504.
    traffic.isa_attempts,
    -- Average call duration in seconds: answered_seconds / answered calls.
    acd(coalesce(hours.answered_seconds, 0), hours.answered_calls) AS acd_seconds,
    -- Connected seconds of the calls that were answered; what a record without a connect time says
    -- is left out.
    coalesce(hours.answered_seconds, 0) AS answered_seconds,
    -- Connected seconds of the calls that began in the hour.
    coalesce(hours.duration_seconds, 0) AS duration_seconds,
    -- Connected minutes of the calls that began in the hour.
    minutes(coalesce(hours.duration_seconds, 0)) AS minutes,
    -- Seconds charged after rounding to increments; NULL for inbound, where the vendor does not
    -- say.
    traffic.billing_seconds,
    -- Minutes charged after rounding to increments; NULL for inbound.
    minutes(traffic.billing_seconds) AS billed_minutes,
    -- Answered attempts of at most short_call_seconds of the seed thresholds.
    traffic.short_calls,
    -- Short calls / answered attempts, 0 to 1.
    short_call_share(traffic.short_calls, traffic.answered_attempts) AS short_call_share,
    -- Mean seconds from the call's start to its answer, earlier attempts included; not the
    -- post-dial delay.
    answer_delay(delays.delay_seconds, hours.answered_calls) AS answer_delay_seconds,
    -- Seconds from start to answer, added up over the answered calls.
    coalesce(delays.delay_seconds, 0) AS answer_delay_total_seconds,
    -- Median seconds from the call's start to its answer; not the post-dial delay.
    CAST(delays.p50_seconds AS DOUBLE) AS answer_delay_p50_seconds,
    -- Calls that began in the busiest second (CPS), each once however many attempts it took.
    coalesce(peaks.peak_cps, 0) AS peak_cps,
    -- What the attempts cost, USD.
    traffic.cost_usd,
    -- Cost in USD per billed minute (out) or per connected minute (in).
    cost_per_minute(traffic.cost_usd, coalesce(traffic.billing_seconds, hours.duration_seconds))
        AS cost_per_minute_usd
FROM traffic
LEFT JOIN hours
    ON
        traffic.month = hours.month
        AND traffic.hour = hours.hour
        AND traffic.direction = hours.direction
LEFT JOIN peaks
    ON
        traffic.month = peaks.month
        AND traffic.hour = peaks.hour
        AND traffic.direction = peaks.direction
LEFT JOIN delays
    ON
        traffic.month = delays.month
        AND traffic.hour = delays.hour
        AND traffic.direction = delays.direction
