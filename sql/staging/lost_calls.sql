-- One row per UTC hour, direction, scope and name in which a call was lost for lack of a channel.
-- Ask: when and where were channels too few?
--
-- Lost is a call of which no attempt was answered and whose deciding attempt has the class capacity of staging.causes: the
-- vendor refused it because every channel was in use. Scopes and names are those of staging.channel_hours, so that lost calls
-- stand beside the channels in use: all, trunk, and inbound did and capacity_group. Such a call mostly reached no trunk.
WITH lost AS (
    SELECT
        calls_in.month,
        date_trunc('hour', calls_in.started_at) AS hour,
        'in' AS direction,
        calls_in.did_number,
        calls_in.trunk_name,
        calls_in.capacity_group
    FROM staging.calls_in AS calls_in
    INNER JOIN staging.causes AS causes
        ON causes.month = calls_in.month
        AND causes.disconnect_code IS NOT DISTINCT FROM calls_in.disconnect_code
        AND causes.disconnect_reason IS NOT DISTINCT FROM calls_in.disconnect_reason
        AND causes.disconnect_initiator IS NOT DISTINCT FROM calls_in.disconnect_initiator
        AND causes.class = 'capacity'
    WHERE NOT calls_in.answered
    UNION ALL
    SELECT
        calls_out.month,
        date_trunc('hour', calls_out.started_at) AS hour,
        'out' AS direction,
        CAST(NULL AS VARCHAR) AS did_number,
        calls_out.trunk_name,
        CAST(NULL AS VARCHAR) AS capacity_group
    FROM staging.calls_out AS calls_out
    INNER JOIN staging.causes AS causes
        ON causes.month = calls_out.month
        AND causes.disconnect_code IS NOT DISTINCT FROM calls_out.disconnect_code
        AND causes.disconnect_reason IS NOT DISTINCT FROM calls_out.disconnect_reason
        AND causes.disconnect_initiator IS NULL
        AND causes.class = 'capacity'
    WHERE NOT calls_out.answered
),
placed AS (
    SELECT
        lost.month,
        lost.hour,
        lost.direction,
        scopes.scope,
        CASE scopes.scope
            WHEN 'did' THEN lost.did_number
            WHEN 'trunk' THEN lost.trunk_name
            WHEN 'capacity_group' THEN lost.capacity_group
        END AS name
    FROM lost
    INNER JOIN (
        VALUES ('in', 'all'), ('in', 'trunk'), ('in', 'did'), ('in', 'capacity_group'), ('out', 'all'), ('out', 'trunk')
    ) AS scopes (direction, scope)
        ON scopes.direction = lost.direction
)
SELECT
    -- Month of call start, YYYY-MM (UTC).
    month,
    -- Beginning of the hour of call start, UTC.
    hour,
    -- Direction of the traffic: in (to a DID) or out.
    direction,
    -- What is counted together: all, did, trunk or capacity_group.
    scope,
    -- The DID, trunk or capacity group; NULL for all, and for calls in none.
    name,
    -- Calls that found every channel in use.
    count(*) AS lost_calls
FROM placed
GROUP BY month, hour, direction, scope, name
