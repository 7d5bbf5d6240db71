-- One row per UTC hour and direction in which a channel was held or a call was lost.
-- Ask: how many channels were in use at once, and were they too few?
-- grain: month, hour, direction
--
-- Exact to the second, not sampled. staging.channel_occupancy says how, and has the same figures by
-- DID, trunk and capacity group. A call counts in each hour that it touches.
--
-- Talk is the time from connect to end; held is the time from start to end. A channel limit applies
-- to held channels. Lost calls are those of staging.lost_calls that began in the hour. An hour with
-- only lost calls has no channel in use.
WITH held AS (
    SELECT *
    FROM staging.channel_occupancy
    WHERE scope = 'all'
),

lost AS (
    SELECT
        month,
        hour,
        direction,
        lost_calls
    FROM staging.lost_calls
    WHERE scope = 'all'
)

SELECT
    -- Month of the hour, YYYY-MM (UTC).
    coalesce(held.month, lost.month) AS month,
    -- Beginning of the hour, UTC.
    coalesce(held.hour, lost.hour) AS hour,
    -- Direction of the traffic: in (to a DID) or out.
    coalesce(held.direction, lost.direction) AS direction,
    -- Most calls that were connected in the same second.
    coalesce(held.peak_channels, 0) AS peak_channels,
    -- The first such second, UTC; NULL where none was connected.
    held.peak_at,
    -- Most calls that held a channel in the same second, ringing included.
    coalesce(held.peak_held_channels, 0) AS peak_held_channels,
    -- The first such second, UTC; NULL where no channel was held.
    held.peak_held_at,
    -- Connected seconds that fell into the hour, over all calls.
    coalesce(held.talk_seconds, 0) AS talk_seconds,
    -- Seconds that fell into the hour in which a channel was held, over all calls.
    coalesce(held.held_seconds, 0) AS held_seconds,
    -- Mean number of connected calls: talk_seconds / 3600.
    erlangs(coalesce(held.talk_seconds, 0)) AS talk_erlangs,
    -- Mean number of channels held: held_seconds / 3600.
    erlangs(coalesce(held.held_seconds, 0)) AS held_erlangs,
    -- Calls that began in the hour and were lost, because every channel was in use.
    coalesce(lost.lost_calls, 0) AS lost_calls
FROM held
FULL JOIN lost
    ON
        held.month = lost.month
        AND held.hour = lost.hour
        AND held.direction = lost.direction
