-- One row per UTC day of call start and direction.
-- Ask: how much traffic was there, how well did it complete, what did it cost?
-- grain: month, day, direction
--
-- Adds up marts.hourly_traffic. Only the median answer delay is taken from the calls again.
--
-- The metrics of sql/metrics define ASR, NER, SEER, ISA and ACD; staging.attempt_outcomes decides
-- which attempts count. Ratios do not add up over days: divide the sums of the counts. Medians
-- cannot be combined.
--
-- The answer delay is no post-dial delay: the records lack the time of the first ringing. SBR
-- cannot be computed either: the records lack bids that never became a call. Times are in whole
-- seconds. CPS counts calls that begin in the busiest second. A day without a call has no row.
WITH traffic AS (
    SELECT
        month,
        CAST(hour AS DATE) AS day,
        direction,
        CAST(sum(attempts) AS BIGINT) AS attempts,
        CAST(sum(calls) AS BIGINT) AS calls,
        CAST(sum(answered_calls) AS BIGINT) AS answered_calls,
        CAST(sum(answered_attempts) AS BIGINT) AS answered_attempts,
        CAST(sum(ner_attempts) AS BIGINT) AS ner_attempts,
        CAST(sum(seer_attempts) AS BIGINT) AS seer_attempts,
        CAST(sum(redirected_attempts) AS BIGINT) AS redirected_attempts,
        CAST(sum(isa_attempts) AS BIGINT) AS isa_attempts,
        CAST(sum(short_calls) AS BIGINT) AS short_calls,
        CAST(sum(duration_seconds) AS BIGINT) AS duration_seconds,
        CAST(sum(answered_seconds) AS BIGINT) AS answered_seconds,
        CAST(sum(billing_seconds) AS BIGINT) AS billing_seconds,
        CAST(sum(answer_delay_total_seconds) AS BIGINT) AS answer_delay_total_seconds,
        max(peak_cps) AS peak_cps,
        CAST(sum(cost_usd) AS DECIMAL(38, 6)) AS cost_usd
    FROM marts.hourly_traffic
    GROUP BY month, CAST(hour AS DATE), direction
),

delays AS (
    SELECT
        month,
        CAST(started_at AS DATE) AS day,
        direction,
        percentile_cont(0.5) WITHIN GROUP (
            ORDER BY date_diff('second', started_at, connected_at)
        ) AS p50_seconds
    FROM staging.calls
    WHERE answered
    GROUP BY month, CAST(started_at AS DATE), direction
)

SELECT
    -- Month of call start, YYYY-MM (UTC).
    traffic.month,
    -- Day of call start (UTC).
    traffic.day,
    -- Direction of the traffic: in (to a DID) or out.
    traffic.direction,
    -- Attempts: rows of the call records.
    traffic.attempts,
    -- Calls: an inbound call counts once however many attempts it took.
    traffic.calls,
    -- Calls with a connect time.
    traffic.answered_calls,
    -- Attempts with a connect time.
    traffic.answered_attempts,
    -- Answer-seizure ratio by call, 0 to 1: answered calls / calls.
    asr(traffic.answered_calls, traffic.calls) AS asr_call,
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
    acd(traffic.answered_seconds, traffic.answered_calls) AS acd_seconds,
    -- Connected seconds of the calls that were answered; what a record without a connect time says
    -- is left out.
    traffic.answered_seconds,
    -- Connected seconds of the calls that began on the day.
    traffic.duration_seconds,
    -- Connected minutes of the calls that began on the day.
    minutes(traffic.duration_seconds) AS minutes,
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
    answer_delay(traffic.answer_delay_total_seconds, traffic.answered_calls)
        AS answer_delay_seconds,
    -- Seconds from start to answer, added up over the answered calls.
    traffic.answer_delay_total_seconds,
    -- Median seconds from the call's start to its answer; not the post-dial delay.
    CAST(delays.p50_seconds AS DOUBLE) AS answer_delay_p50_seconds,
    -- Calls that began in the busiest second (CPS).
    traffic.peak_cps,
    -- What the attempts cost, USD.
    traffic.cost_usd,
    -- Cost in USD per billed minute (out) or per connected minute (in).
    cost_per_minute(traffic.cost_usd, coalesce(traffic.billing_seconds, traffic.duration_seconds))
        AS cost_per_minute_usd
FROM traffic
LEFT JOIN delays
    ON
        traffic.month = delays.month
        AND traffic.day = delays.day
        AND traffic.direction = delays.direction
