-- One row per month, direction and scope whose channel seconds are not those of the calls. Ask: did the sweep lose or double a call?
-- severity: error
--
-- Every call is once in the scope all and once with its trunk, inbound also with its DID and its capacity group, so each scope
-- has the seconds of all calls, cut at the ends of the month. A month whose calls are not kept any more (state expired in
-- coverage) cannot be compared.
WITH calls AS (
    SELECT
        month,
        'in' AS direction,
        greatest(date_diff('second', CAST(month || '-01' AS TIMESTAMP), started_at), 0) AS held_from,
        least(
            coalesce(
                date_diff('second', CAST(month || '-01' AS TIMESTAMP), ended_at),
                date_diff('second', CAST(month || '-01' AS TIMESTAMP), connected_at) + duration_seconds,
                0
            ),
            86400 * extract(DAY FROM last_day(CAST(month || '-01' AS DATE)))
        ) AS ended
    FROM staging.calls_in
    UNION ALL
    SELECT
        month,
        'out' AS direction,
        greatest(date_diff('second', CAST(month || '-01' AS TIMESTAMP), started_at), 0) AS held_from,
        least(
            coalesce(
                date_diff('second', CAST(month || '-01' AS TIMESTAMP), ended_at),
                date_diff('second', CAST(month || '-01' AS TIMESTAMP), connected_at) + duration_seconds,
                0
            ),
            86400 * extract(DAY FROM last_day(CAST(month || '-01' AS DATE)))
        ) AS ended
    FROM staging.calls_out
),
expected AS (
    SELECT
        calls.month,
        calls.direction,
        scopes.scope,
        sum(calls.ended - calls.held_from) AS held_seconds
    FROM calls
    INNER JOIN (
        VALUES ('in', 'all'), ('in', 'trunk'), ('in', 'did'), ('in', 'capacity_group'), ('out', 'all'), ('out', 'trunk')
    ) AS scopes (direction, scope)
        ON scopes.direction = calls.direction
    WHERE calls.ended > calls.held_from
    GROUP BY calls.month, calls.direction, scopes.scope
),
found AS (
    SELECT
        month,
        direction,
        scope,
        sum(held_seconds) AS held_seconds
    FROM staging.channel_hours
    GROUP BY month, direction, scope
)
SELECT
    coalesce(expected.month, found.month) AS month, -- Month of call start, YYYY-MM (UTC).
    coalesce(expected.direction, found.direction) AS direction, -- Direction of the traffic: in (to a DID) or out.
    coalesce(expected.scope, found.scope) AS scope, -- What is counted together: all, did, trunk or capacity_group.
    expected.held_seconds AS expected_seconds, -- Seconds from start to end over all calls, within the month.
    found.held_seconds AS found_seconds -- Seconds of held channels in staging.channel_hours.
FROM expected
FULL JOIN found
    ON found.month = expected.month
    AND found.direction = expected.direction
    AND found.scope = expected.scope
WHERE expected.held_seconds IS DISTINCT FROM found.held_seconds
    AND coalesce(expected.month, found.month) NOT IN (SELECT month FROM coverage WHERE state = 'expired')
