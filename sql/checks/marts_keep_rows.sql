-- One row per month, direction and mart that does not add up to the rows below it.
-- Ask: does every mart count every record once?
-- severity: error
--
-- Compares attempts where the mart counts attempts, calls where it counts calls, and money where it
-- has money. A month whose calls are no longer kept (state expired in coverage) cannot be compared.
WITH loaded AS (
    SELECT
        month,
        direction,
        count(*) AS attempts,
        coalesce(sum(cost_usd), 0) AS cost_usd
    FROM staging.attempts
    GROUP BY month, direction
),

folded AS (
    SELECT
        month,
        direction,
        count(*) AS calls
    FROM staging.calls
    GROUP BY month, direction
),

shown AS (
    SELECT
        'daily_traffic' AS mart,
        month,
        direction,
        attempts AS counted,
        cost_usd
    FROM marts.daily_traffic
    UNION ALL
    SELECT
        'hourly_traffic' AS mart,
        month,
        direction,
        attempts AS counted,
        cost_usd
    FROM marts.hourly_traffic
    UNION ALL
    SELECT
        'trunk_quality' AS mart,
        month,
        direction,
        attempts AS counted,
        NULL AS cost_usd
    FROM marts.trunk_quality
    UNION ALL
    SELECT
        'disconnect_causes' AS mart,
        month,
        direction,
        attempts AS counted,
        NULL AS cost_usd
    FROM marts.disconnect_causes
    UNION ALL
    SELECT
        'cost_by_did' AS mart,
        month,
        'in' AS direction,
        calls AS counted,
        total_usd AS cost_usd
    FROM marts.cost_by_did
    UNION ALL
    SELECT
        'cost_by_country' AS mart,
        month,
        'out' AS direction,
        calls AS counted,
        charged_usd AS cost_usd
    FROM marts.cost_by_country
),

found AS (
    SELECT
        mart,
        month,
        direction,
        sum(counted) AS counted,
        sum(cost_usd) AS cost_usd
    FROM shown
    GROUP BY mart, month, direction
),

kinds AS (
    SELECT
        counted.mart,
        counted.direction,
        counted.unit,
        counted.has_money
    FROM (
        VALUES
        ('daily_traffic', 'in', 'attempts', TRUE),
        ('daily_traffic', 'out', 'attempts', TRUE),
        ('hourly_traffic', 'in', 'attempts', TRUE),
        ('hourly_traffic', 'out', 'attempts', TRUE),
        ('trunk_quality', 'in', 'attempts', FALSE),
        ('trunk_quality', 'out', 'attempts', FALSE),
        ('disconnect_causes', 'in', 'attempts', FALSE),
        ('disconnect_causes', 'out', 'attempts', FALSE),
        ('cost_by_did', 'in', 'calls', TRUE),
        ('cost_by_country', 'out', 'calls', TRUE)
    ) AS counted (mart, direction, unit, has_money)
),

expected AS (
    SELECT
        kinds.mart,
        loaded.month,
        loaded.direction,
        CASE WHEN kinds.unit = 'calls' THEN folded.calls ELSE loaded.attempts END AS counted,
        CASE WHEN kinds.has_money THEN loaded.cost_usd END AS cost_usd
    FROM loaded
    INNER JOIN kinds
        ON loaded.direction = kinds.direction
    LEFT JOIN folded
        ON
            loaded.month = folded.month
            AND loaded.direction = folded.direction
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
    ON
        expected.month = found.month
        AND expected.direction = found.direction
        AND expected.mart = found.mart
WHERE (
    expected.counted IS DISTINCT FROM found.counted
    OR expected.cost_usd IS DISTINCT FROM found.cost_usd
)
AND coalesce(expected.month, found.month) NOT IN (
    SELECT coverage.month FROM coverage
    WHERE coverage.state = 'expired'
)
