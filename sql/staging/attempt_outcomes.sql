-- One row per UTC hour, direction, trunk, trunk group, cause and answer state of attempts.
-- Ask: how did attempts end?
-- grain: month, hour, direction, trunk_name, trunk_group
-- grain: disconnect_code, disconnect_reason, disconnect_initiator, answered
--
-- The one place where attempts are judged. The traffic marts add these rows up. A cause is a
-- disconnect code, its reason and its initiator. The hour is that of the attempt's start. An
-- attempt with a connect time counts as answered (200), no matter what ended it.
--
-- NER success: the attempt was answered, or its class in staging.causes is user busy, no answer or
-- reject (E.425 1.5). An attempt refused because no channel was free has the class capacity. It is
-- no NER success, although its code is 480. SEER success: answered, or code 480, 486, 600 or 603.
-- RFC 6076 4.7 says so literally, so attempts that found no channel are included.
-- Redirected: code 3xx. ISA failure: code 408, 500, 503 or 504 (RFC 6076 4.8). A short call is an
-- answered attempt of at most short_call_seconds.
--
-- Two ratios are missing because the records lack their parts. Post-dial delay (PDD) needs the time
-- of the first ringing. The seizure-to-bid ratio (SBR) needs bids that never became a call.
WITH outcomes AS (
    SELECT
        attempts.month,
        date_trunc('hour', attempts.started_at) AS hour,
        attempts.direction,
        attempts.trunk_name,
        attempts.trunk_group,
        attempts.disconnect_code,
        attempts.disconnect_reason,
        attempts.disconnect_initiator,
        attempts.answered,
        count(*) AS attempts,
        count(*) FILTER (
            WHERE attempts.answered AND attempts.duration_seconds <= thresholds.short_call_seconds
        ) AS short_calls,
        coalesce(
            CAST(sum(attempts.duration_seconds) FILTER (WHERE attempts.answered) AS BIGINT), 0
        ) AS duration_seconds,
        CAST(sum(attempts.billing_seconds) AS BIGINT) AS billing_seconds,
        coalesce(CAST(sum(attempts.cost_usd) AS DECIMAL(38, 6)), 0) AS cost_usd
    FROM staging.attempts
    CROSS JOIN staging.thresholds
    GROUP BY
        attempts.month,
        date_trunc('hour', attempts.started_at),
        attempts.direction,
        attempts.trunk_name,
        attempts.trunk_group,
        attempts.disconnect_code,
        attempts.disconnect_reason,
        attempts.disconnect_initiator,
        attempts.answered
)

SELECT
    -- Month of call start, YYYY-MM (UTC).
    outcomes.month,
    -- Beginning of the hour of call start, UTC.
    outcomes.hour,
    -- Direction of the traffic: in (to a DID) or out.
    outcomes.direction,
    -- Name of the trunk; NULL for attempts that reached none.
    outcomes.trunk_name,
    -- Name of the trunk group; NULL for none, and for outbound.
    outcomes.trunk_group,
    -- SIP or internal code that ended the attempts; NULL where the vendor gave none.
    outcomes.disconnect_code,
    -- The text that came with the code.
    outcomes.disconnect_reason,
    -- Which side hung up; NULL for outbound, where the vendor does not say.
    outcomes.disconnect_initiator,
    -- Whether the attempts have a connect time.
    outcomes.answered,
    -- Class from the seed disconnect_classes; other if no line of it matches.
    coalesce(causes.class, 'other') AS class,
    -- Whether they count as effective for NER.
    outcomes.answered
    OR coalesce(causes.class, 'other') IN ('user_busy', 'no_answer', 'reject') AS ner_success,
    -- Whether they count as established for SEER.
    outcomes.answered
    OR coalesce(outcomes.disconnect_code, '') IN ('480', '486', '600', '603') AS seer_success,
    -- Whether a redirection ended them; SEER leaves these out.
    NOT outcomes.answered AND coalesce(outcomes.disconnect_code, '') LIKE '3__' AS redirected,
    -- Whether they count as ineffective for ISA.
    NOT outcomes.answered
    AND coalesce(outcomes.disconnect_code, '') IN ('408', '500', '503', '504') AS isa_failure,
    -- Attempts: rows of the call records.
    outcomes.attempts,
    -- Answered attempts of at most short_call_seconds of the seed thresholds.
    outcomes.short_calls,
    -- Connected seconds: those of answered attempts only.
    outcomes.duration_seconds,
    -- Seconds charged after rounding to increments; NULL for inbound, where the vendor does not
    -- say.
    outcomes.billing_seconds,
    -- What the attempts cost, USD.
    outcomes.cost_usd
FROM outcomes
LEFT JOIN staging.causes AS causes
    ON
        outcomes.month = causes.month
        AND causes.disconnect_code IS NOT DISTINCT FROM outcomes.disconnect_code
        AND causes.disconnect_reason IS NOT DISTINCT FROM outcomes.disconnect_reason
        AND causes.disconnect_initiator IS NOT DISTINCT FROM outcomes.disconnect_initiator
