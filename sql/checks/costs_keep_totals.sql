-- One row per month, direction and cost mart whose money is not that of the rows.
-- Ask: does every cost mart show every cent once?
-- severity: error
--
-- Money that is billed but not connected, without a trunk, without a country or unexplained must be
-- in the mart too. A month whose calls are no longer kept (state expired in coverage) cannot be
-- compared.
WITH loaded AS (
    SELECT
        month,
        direction,
        coalesce(sum(cost_usd), 0) AS cost_usd
    FROM staging.attempts
    GROUP BY month, direction
),

shown AS (
    SELECT
        'cost_by_trunk' AS mart,
        month,
        direction,
        cost_usd
    FROM marts.cost_by_trunk
    UNION ALL
    SELECT
        'cost_by_component' AS mart,
        month,
        direction,
        cost_usd
    FROM marts.cost_by_component
    UNION ALL
    SELECT
        'cost_by_day' AS mart,
        month,
        direction,
        cost_usd
    FROM marts.cost_by_day
    UNION ALL
    SELECT
        'cost_by_network' AS mart,
        month,
        'out' AS direction,
        charged_usd AS cost_usd
    FROM marts.cost_by_network
    UNION ALL
    SELECT
        'did_usage' AS mart,
        month,
        'in' AS direction,
        total_usd AS cost_usd
    FROM marts.did_usage
),

found AS (
    SELECT
        mart,
        month,
        direction,
        sum(cost_usd) AS cost_usd
    FROM shown
    GROUP BY mart, month, direction
),

marts_of AS (
    SELECT
        pairs.mart,
        pairs.direction
    FROM (
        VALUES
        ('cost_by_trunk', 'in'),
        ('cost_by_component', 'in'),
        ('cost_by_day', 'in'),
        ('did_usage', 'in'),
        ('cost_by_trunk', 'out'),
        ('cost_by_component', 'out'),
        ('cost_by_day', 'out'),
        ('cost_by_network', 'out')
    ) AS pairs (mart, direction)
),

expected AS (
    SELECT
        marts_of.mart,
        loaded.month,
        loaded.direction,
        loaded.cost_usd
    FROM loaded
    INNER JOIN marts_of
        ON loaded.direction = marts_of.direction
)

SELECT
    -- Month of call start, YYYY-MM (UTC).
    coalesce(expected.month, found.month) AS month,
    -- Direction of the traffic: in (to a DID) or out.
    coalesce(expected.direction, found.direction) AS direction,
    -- Name of the mart in schema marts.
    coalesce(expected.mart, found.mart) AS mart,
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
WHERE
    expected.cost_usd IS DISTINCT FROM found.cost_usd
    AND coalesce(expected.month, found.month) NOT IN (
        SELECT coverage.month FROM coverage
        WHERE coverage.state = 'expired'
    )
