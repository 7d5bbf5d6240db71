-- One row per month, toll-free DID and hour that looks like pumped traffic.
-- Ask: did someone call our toll-free numbers to earn by it?
-- grain: month, did_number, first_call_at
-- Forensic: exports are hours old; this finds, it does not block.
--
-- Toll-free pumping: machines call a number whose owner pays, and the originating network shares
-- the fee. An hour of the clock (marts.hourly_toll_free) is suspect from pumping_hour_calls charged
-- calls on, if pumping_same_duration_share of them have the same length to the second. A finding is
-- a suspect hour with at least pumping_times_usual times the usual calls.
--
-- The usual number is the median of the same hour of the day over the usual_days days before,
-- across months. A suspect hour counts as 0 in it: pumping that goes on never becomes usual and is
-- found to its end. A day without a charged call counts as 0, and so does a day before the first
-- loaded one. The seed thresholds has all settings.
WITH hours AS (
    SELECT
        hours.*,
        hours.calls >= thresholds.pumping_hour_calls
        AND hours.same_duration_calls
        >= thresholds.pumping_same_duration_share * hours.calls AS suspect
    FROM marts.hourly_toll_free AS hours
    CROSS JOIN staging.thresholds
),

days AS (
    SELECT unnest(range(1, 367)) AS ago
),

earlier AS (
    SELECT
        found.did_number,
        found.hour,
        CASE WHEN before.suspect THEN 0 ELSE CAST(coalesce(before.calls, 0) AS DOUBLE) END AS calls
    FROM hours AS found
    INNER JOIN staging.thresholds
        ON thresholds.usual_days IS NOT NULL
    INNER JOIN days
        ON thresholds.usual_days >= days.ago
    LEFT JOIN hours AS before
        ON
            before.did_number IS NOT DISTINCT FROM found.did_number
            AND CAST(before.hour AS DATE) = CAST(found.hour AS DATE) - CAST(days.ago AS INTEGER)
            AND extract(hour FROM before.hour) = extract(hour FROM found.hour)
    WHERE found.suspect
),

usual AS (
    SELECT
        did_number,
        hour,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY calls) AS calls
    FROM earlier
    GROUP BY did_number, hour
),

compared AS (
    SELECT
        hours.*,
        coalesce(usual.calls, 0) AS usual_calls
    FROM hours
    LEFT JOIN usual
        ON
            hours.hour = usual.hour
            AND usual.did_number IS NOT DISTINCT FROM hours.did_number
    WHERE hours.suspect
)

SELECT
    -- Month of call start, YYYY-MM (UTC).
    compared.month,
    -- The toll-free DID, digits without a plus.
    compared.did_number,
    -- Start of the hour's first charged call, UTC.
    compared.first_call_at,
    -- Start of the hour's last charged call, UTC.
    compared.last_call_at,
    -- Calls within the hour that carry a toll-free charge.
    compared.calls,
    -- Such calls that are usual in that hour of the day: the median of the days before.
    compared.usual_calls,
    -- Calls of the most frequent length.
    compared.same_duration_calls,
    -- That length, connected seconds.
    compared.same_duration_seconds,
    -- Connected minutes of the hour's charged calls.
    compared.minutes,
    -- Toll-free part of their charge, USD.
    compared.toll_free_usd,
    -- The numbers that made it a finding, in words.
    concat(
        CAST(compared.calls AS VARCHAR),
        CASE compared.calls WHEN 1 THEN ' charged call' ELSE ' charged calls' END,
        ' in one hour, where ', CAST(round(compared.usual_calls, 1) AS VARCHAR), ' are usual, ',
        CAST(compared.same_duration_calls AS VARCHAR),
        ' of them lasted ',
        CAST(compared.same_duration_seconds AS VARCHAR),
        CASE compared.same_duration_seconds WHEN 1 THEN ' second' ELSE ' seconds' END
    ) AS why
FROM compared
INNER JOIN staging.thresholds
    ON compared.calls >= thresholds.pumping_times_usual * compared.usual_calls
