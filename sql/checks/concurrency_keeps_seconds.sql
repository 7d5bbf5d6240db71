-- One row per month, direction and scope whose channel seconds are not those of the calls.
-- Ask: did the sweep lose or double a call?
-- severity: error
--
-- Every call is once in the scope all and once with its trunk. An inbound call is also once with
-- its DID and its capacity group. So each scope has the seconds of all calls that fall into the
-- month: of its own calls, and of those that began in the month before. This check counts them from
-- the calls, by the rule of staging.call_spans.
--
-- A month can be compared if its own calls and those of the month before are still kept (not
-- expired in coverage).
WITH calls AS (
    SELECT
        month,
        direction,
        date_diff('second', CAST(month || '-01' AS TIMESTAMP), started_at) AS started,
        date_diff('second', CAST(month || '-01' AS TIMESTAMP), connected_at)
        + greatest(coalesce(duration_seconds, 0), 0) AS counted,
        date_diff('second', CAST(month || '-01' AS TIMESTAMP), ended_at) AS ended
    FROM staging.calls
),

spans AS ( -- in seconds of the month, and the length of that and of the next
    SELECT
        month,
        direction,
        started,
        CASE WHEN ended >= started THEN ended ELSE coalesce(counted, started) END AS ended,
        last_day(CAST(month || '-01' AS DATE)) + 1 AS next_month,
        86400 * extract(DAY FROM last_day(CAST(month || '-01' AS DATE))) AS length,
        86400
        * extract(DAY FROM last_day(last_day(CAST(month || '-01' AS DATE)) + 1)) AS next_length
    FROM calls
),

shares AS (
    SELECT
        month,
        direction,
        least(ended, length) - greatest(started, 0) AS held_seconds,
        TRUE AS own
    FROM spans
    UNION ALL
    SELECT
        strftime(next_month, '%Y-%m') AS month,
        direction,
        least(ended, length + next_length) - greatest(started, length) AS held_seconds,
        FALSE AS own
    FROM spans
),

expected AS (
    SELECT
        shares.month,
        shares.direction,
        scopes.scope,
        max(shares.own) AS own,
        sum(shares.held_seconds) AS held_seconds
    FROM shares
    INNER JOIN (
        VALUES ('in', 'all'),
        ('in', 'trunk'),
        ('in', 'did'),
        ('in', 'capacity_group'),
        ('out', 'all'),
        ('out', 'trunk')
    ) AS scopes (direction, scope)
        ON shares.direction = scopes.direction
    WHERE shares.held_seconds > 0
    GROUP BY shares.month, shares.direction, scopes.scope
),

found AS (
    SELECT
        month,
        direction,
        scope,
        sum(held_seconds) AS held_seconds
    FROM staging.channel_occupancy
    GROUP BY month, direction, scope
)

SELECT
    -- Month of the seconds, YYYY-MM (UTC).
    coalesce(expected.month, found.month) AS month,
    -- Direction of the traffic: in (to a DID) or out.
    coalesce(expected.direction, found.direction) AS direction,
    -- What is counted together: all, did, trunk or capacity_group.
    coalesce(expected.scope, found.scope) AS scope,
    -- Seconds from start to end over all calls, within the month.
    expected.held_seconds AS expected_seconds,
    -- Seconds of held channels in staging.channel_occupancy.
    found.held_seconds AS found_seconds
FROM expected
FULL JOIN found
    ON
        expected.month = found.month
        AND expected.direction = found.direction
        AND expected.scope = found.scope
WHERE
    expected.held_seconds IS DISTINCT FROM found.held_seconds
    AND (
        expected.own
        OR found.month IS NOT NULL
        OR expected.month IN (
            SELECT coverage.month FROM coverage
            WHERE coverage.export_id IS NOT NULL
        )
    )
    AND coalesce(expected.month, found.month) NOT IN (
        SELECT coverage.month
        FROM coverage
        WHERE coverage.state = 'expired'
        UNION ALL
        SELECT strftime(last_day(CAST(coverage.month || '-01' AS DATE)) + 1, '%Y-%m') AS month
        FROM coverage
        WHERE coverage.state = 'expired'
    )
