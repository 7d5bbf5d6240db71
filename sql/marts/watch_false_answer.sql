-- One row per month, UTC day, country and network that looks like false answers.
-- Ask: who bills us for calls that were not really answered?
-- grain: month, day, destination_country, network
-- Forensic: exports are hours old; this finds, it does not block.
--
-- False answer supervision: a carrier on the route answers in place of the called side, so that
-- ringing is billed. An answer is suspect if it came within false_answer_delay_seconds and the call
-- lasted at most false_answer_call_seconds. A finding is a day on which a network answered
-- false_answer_day_calls, and false_answer_share of the answers are suspect. The seed thresholds
-- has all four. Voicemail and machines also answer fast: compare with the network's other days.
WITH calls AS (
    SELECT
        calls_out.month,
        CAST(calls_out.started_at AS DATE) AS day,
        calls_out.destination_country,
        calls_out.network,
        calls_out.answered,
        calls_out.duration_seconds,
        calls_out.charged_usd,
        calls_out.answered
        AND date_diff('second', calls_out.started_at, calls_out.connected_at)
        <= thresholds.false_answer_delay_seconds
        AND calls_out.duration_seconds <= thresholds.false_answer_call_seconds AS suspect
    FROM staging.calls_out AS calls_out
    CROSS JOIN staging.thresholds
),

days AS (
    SELECT
        month,
        day,
        destination_country,
        network,
        count(*) AS calls,
        count(*) FILTER (WHERE answered) AS answered_calls,
        count(*) FILTER (WHERE suspect) AS suspect_calls,
        CAST(sum(duration_seconds) FILTER (WHERE answered) AS BIGINT) AS answered_seconds,
        coalesce(CAST(sum(charged_usd) FILTER (WHERE suspect) AS DECIMAL(38, 6)), 0) AS suspect_usd
    FROM calls
    GROUP BY month, day, destination_country, network
),

judged AS (
    SELECT
        days.*,
        days.answered_calls >= thresholds.false_answer_day_calls
        AND days.suspect_calls >= thresholds.false_answer_share * days.answered_calls AS found
    FROM days
    CROSS JOIN staging.thresholds
),

compared AS (
    SELECT
        *,
        sum(calls) FILTER (WHERE NOT found)
            OVER (PARTITION BY month, destination_country, network)
            AS other_calls,
        sum(answered_calls) FILTER (WHERE NOT found)
            OVER (PARTITION BY month, destination_country, network)
            AS other_answered
    FROM judged
)

SELECT
    -- Month of call start, YYYY-MM (UTC).
    compared.month,
    -- Day of call start (UTC).
    compared.day,
    -- Country of the dialled numbers, the vendor's name for it.
    compared.destination_country,
    -- Network of the dialled numbers.
    compared.network,
    -- Calls to the network on the day.
    compared.calls,
    -- Calls with a connect time.
    compared.answered_calls,
    -- Those that were answered at once and ended soon.
    compared.suspect_calls,
    -- Answer-seizure ratio of the day by call, 0 to 1.
    asr(compared.answered_calls, compared.calls) AS asr_call,
    -- Answer-seizure ratio of the network on the month's days that were not found, 0 to 1.
    asr(compared.other_answered, compared.other_calls) AS asr_call_other_days,
    -- Average call duration in seconds: connected seconds of answered calls / answered calls.
    acd(compared.answered_seconds, compared.answered_calls) AS acd_seconds,
    -- Connected seconds of the answered calls.
    coalesce(compared.answered_seconds, 0) AS answered_seconds,
    -- Calls to the network on the month's days that were not found.
    coalesce(CAST(compared.other_calls AS BIGINT), 0) AS other_days_calls,
    -- Calls with a connect time on those days.
    coalesce(CAST(compared.other_answered AS BIGINT), 0) AS other_days_answered_calls,
    -- What the suspect calls cost, USD.
    compared.suspect_usd,
    -- The numbers that made it a finding, in words.
    concat(
        CAST(compared.suspect_calls AS VARCHAR), ' of ', CAST(compared.answered_calls AS VARCHAR),
        ' answers came at once and were over soon'
    ) AS why
FROM compared
WHERE compared.found
