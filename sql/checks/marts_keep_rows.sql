-- One row per month, direction and mart that does not add up to the rows below it.
-- Ask: does every mart count every record once?
-- severity: error
--
-- Attempts where the mart counts attempts, calls where it counts calls; money where it has money. A month whose calls are
-- not kept any more (state expired in coverage) cannot be compared.
WITH loaded AS (
    SELECT
        month,
        'in' AS direction,
        count(*) AS attempts,
        coalesce(sum(total_usd), 0) AS cost_usd
    FROM cdr_in
    GROUP BY month
    UNION ALL
    SELECT
        month,
        'out' AS direction,
        count(*) AS attempts,
        coalesce(sum(charged_usd), 0) AS cost_usd
    FROM cdr_out
    GROUP BY month
),
inbound_calls AS (
    SELECT
        month,
        count(*) AS calls
    FROM staging.calls_in
    GROUP BY month
),
expected AS (
    SELECT
        month,
        direction,
        'daily_traffic' AS mart,
        attempts AS counted,
        cost_usd
    FROM loaded
    UNION ALL
    SELECT
        month,
        direction,
        'hourly_traffic' AS mart,
        attempts AS counted,
        cost_usd
    FROM loaded
    UNION ALL
    SELECT
        month,
        direction,
        'trunk_quality' AS mart,
        attempts AS counted,
        NULL AS cost_usd
    FROM loaded
    UNION ALL
    SELECT
        month,
        direction,
        'disconnect_causes' AS mart,
        attempts AS counted,
        NULL AS cost_usd
    FROM loaded
    UNION ALL
    SELECT
        loaded.month,
        loaded.direction,
        'cost_by_did' AS mart,
        inbound_calls.calls AS counted,
        loaded.cost_usd
    FROM loaded
    LEFT JOIN inbound_calls
        ON inbound_calls.month = loaded.month
    WHERE loaded.direction = 'in'
    UNION ALL
    SELECT
        month,
        direction,
        'cost_by_country' AS mart,
        attempts AS counted,
        cost_usd
    FROM loaded
    WHERE direction = 'out'
),
found AS (
    SELECT
        month,
        direction,
        'daily_traffic' AS mart,
        sum(attempts) AS counted,
        sum(cost_usd) AS cost_usd
    FROM marts.daily_traffic
    GROUP BY month, direction
    UNION ALL
    SELECT
        month,
        direction,
        'hourly_traffic' AS mart,
        sum(attempts) AS counted,
        sum(cost_usd) AS cost_usd
    FROM marts.hourly_traffic
    GROUP BY month, direction
    UNION ALL
    SELECT
        month,
        direction,
        'trunk_quality' AS mart,
        sum(attempts) AS counted,
        NULL AS cost_usd
    FROM marts.trunk_quality
    GROUP BY month, direction
    UNION ALL
    SELECT
        month,
        direction,
        'disconnect_causes' AS mart,
        sum(attempts) AS counted,
        NULL AS cost_usd
    FROM marts.disconnect_causes
    GROUP BY month, direction
    UNION ALL
    SELECT
        month,
        'in' AS direction,
        'cost_by_did' AS mart,
        sum(calls) AS counted,
        sum(total_usd) AS cost_usd
    FROM marts.cost_by_did
    GROUP BY month
    UNION ALL
    SELECT
        month,
        'out' AS direction,
        'cost_by_country' AS mart,
        sum(calls) AS counted,
        sum(charged_usd) AS cost_usd
    FROM marts.cost_by_country
    GROUP BY month
)
SELECT
    -- Month of call start, YYYY-MM (UTC).
    coalesce(expected.month, found.month) AS month,
    -- Direction of the traffic: in (to a DID) or out.
    coalesce(expected.direction, found.direction) AS direction,
    -- Name of the mart in schema marts.
    coalesce(expected.mart, found.mart) AS mart,
    -- Attempts, or calls, that the mart should count.
    expected.counted AS expected_count,
    -- Attempts, or calls, that it counts.
    found.counted AS found_count,
    -- Cost it should show, USD.
    expected.cost_usd AS expected_usd,
    -- Cost it shows, USD.
    found.cost_usd AS found_usd
FROM expected
FULL JOIN found
    ON found.month = expected.month
    AND found.direction = expected.direction
    AND found.mart = expected.mart
WHERE (
        expected.counted IS DISTINCT FROM found.counted
        OR expected.cost_usd IS DISTINCT FROM found.cost_usd
    )
    AND coalesce(expected.month, found.month) NOT IN (SELECT month FROM coverage WHERE state = 'expired')
