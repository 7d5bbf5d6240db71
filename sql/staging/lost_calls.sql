-- One row per UTC hour, direction, scope and name in which a call was lost for lack of a channel.
-- Ask: when and where were channels too few?
--
-- Lost is a call of which no attempt was answered and whose deciding attempt has the class capacity of staging.causes: the
-- vendor refused it because every channel was in use. Scopes and names are those of staging.channel_occupancy, so that lost calls
-- stand beside the channels in use: all, trunk, and inbound did and capacity_group. Such a call mostly reached no trunk.
WITH lost AS (
    SELECT
        calls.month,
        date_trunc('hour', calls.started_at) AS hour,
        calls.direction,
        calls.did_number,
        calls.trunk_name,
        calls.capacity_group
    FROM staging.calls
    INNER JOIN staging.causes
        ON causes.month = calls.month
        AND causes.disconnect_code IS NOT DISTINCT FROM calls.disconnect_code
        AND causes.disconnect_reason IS NOT DISTINCT FROM calls.disconnect_reason
        AND causes.disconnect_initiator IS NOT DISTINCT FROM calls.disconnect_initiator
        AND causes.class = 'capacity'
    WHERE NOT calls.answered
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
