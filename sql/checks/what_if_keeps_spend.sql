-- One row per month and scope whose metered spend is not that of the calls.
-- Ask: does marts.channel_what_if account for all the money?
-- severity: error
--
-- Both scopes hold every metered call. The highest number of extra channels must save all of the
-- spend, unless more than 50 would be needed. A month whose calls are no longer kept (state expired
-- in coverage) cannot be compared.
WITH expected AS (
    SELECT
        calls_in.month,
        scopes.scope,
        CAST(sum(calls_in.metered_usd) AS DECIMAL(38, 6)) AS metered_usd
    FROM staging.calls_in AS calls_in
    CROSS JOIN (VALUES ('all'), ('capacity_group')) AS scopes (scope)
    WHERE calls_in.metered_usd > 0
    GROUP BY calls_in.month, scopes.scope
),

found AS (
    SELECT
        month,
        scope,
        CAST(sum(metered_usd) AS DECIMAL(38, 6)) AS metered_usd,
        CAST(
            sum(
                CASE WHEN peak_metered_calls > 50 THEN metered_usd ELSE avoided_at_least_usd END
            ) AS DECIMAL(38, 6)
        ) AS avoided_usd
    FROM marts.channel_what_if
    WHERE extra_channels = least(greatest(peak_metered_calls, 1), 50)
    GROUP BY month, scope
)

SELECT
    -- Month of call start, YYYY-MM (UTC).
    coalesce(expected.month, found.month) AS month,
    -- What the channels are for: all, or capacity_group.
    coalesce(expected.scope, found.scope) AS scope,
    -- Metered spend of the calls, USD.
    expected.metered_usd AS expected_usd,
    -- Metered spend that the adviser has, USD.
    found.metered_usd AS found_usd,
    -- What the most channels would have saved of it, USD.
    found.avoided_usd
FROM expected
FULL JOIN found
    ON
        expected.month = found.month
        AND expected.scope = found.scope
WHERE (
    coalesce(expected.metered_usd, 0) <> coalesce(found.metered_usd, 0)
    OR coalesce(expected.metered_usd, 0) <> coalesce(found.avoided_usd, 0)
)
AND coalesce(expected.month, found.month) NOT IN (
    SELECT coverage.month FROM coverage
    WHERE coverage.state = 'expired'
)
