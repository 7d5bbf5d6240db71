-- One row per DID that was ever called.
-- Ask: which of our numbers have gone quiet?
-- grain: did_number
--
-- Covers all loaded months of marts.did_usage. Idle days count to the last loaded day, not to
-- today: an archive that is behind does not make every number idle. A loaded day without a call
-- counts as loaded. A DID is idle after more than idle_did_days. A DID that was never called is in
-- no record: compare with the vendor's list of DIDs.
WITH known AS (
    SELECT
        month,
        CAST(last_call_at AS DATE) AS last_day
    FROM marts.did_usage
    UNION ALL
    SELECT
        month,
        CAST(loaded_until AS DATE)
        - CASE WHEN loaded_until = date_trunc('day', loaded_until) THEN 1 ELSE 0 END AS last_day
    FROM coverage
    WHERE
        record_type = 'cdr_in'
        AND loaded_until IS NOT NULL
),

newest AS (
    SELECT
        max(month) AS month,
        max(last_day) AS day
    FROM known
),

dids AS (
    SELECT
        did_usage.did_number,
        min(did_usage.first_call_at) AS first_call_at,
        max(did_usage.last_call_at) AS last_call_at,
        count(*) AS months,
        CAST(sum(did_usage.calls) AS BIGINT) AS calls,
        coalesce(
            CAST(sum(did_usage.calls) FILTER (WHERE did_usage.month = newest.month) AS BIGINT), 0
        ) AS newest_month_calls,
        CAST(sum(did_usage.total_usd) AS DECIMAL(38, 6)) AS total_usd,
        max(newest.day) - CAST(max(did_usage.last_call_at) AS DATE) AS idle_days
    FROM marts.did_usage AS did_usage
    CROSS JOIN newest
    WHERE did_usage.did_number IS NOT NULL
    GROUP BY did_usage.did_number
)

SELECT
    -- The dialled DID, digits without a plus.
    dids.did_number,
    -- Start of the first loaded call to it, UTC.
    dids.first_call_at,
    -- Start of the last loaded call to it, UTC.
    dids.last_call_at,
    -- Months in which it was called.
    dids.months,
    -- All calls.
    dids.calls,
    -- Calls in the newest month with loaded inbound calls.
    dids.newest_month_calls,
    -- All charges, USD.
    dids.total_usd,
    -- Days (UTC) from its last call to the last day that is loaded.
    dids.idle_days,
    -- Whether that is more than idle_did_days of the seed thresholds.
    dids.idle_days > thresholds.idle_did_days AS idle
FROM dids
CROSS JOIN staging.thresholds
