-- One row per UTC hour, direction, scope and name in which a call was lost.
-- Ask: when and where were there too few channels?
-- grain: month, hour, direction, scope, name
--
-- A call is lost if no attempt was answered and its deciding attempt has the class capacity in
-- staging.causes. The vendor refused it because every channel was in use. Most of these calls
-- reached no trunk.
--
-- Scopes and names are those of staging.channel_occupancy, so that lost calls stand beside the
-- channels in use.
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
        ON
            calls.month = causes.month
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
        VALUES ('in', 'all'),
        ('in', 'trunk'),
        ('in', 'did'),
        ('in', 'capacity_group'),
        ('out', 'all'),
        ('out', 'trunk')
    ) AS scopes (direction, scope)
        ON lost.direction = scopes.direction
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
