-- One row per UTC hour and direction in which a channel was held. Ask: how many channels were in use at once, and for how long?
--
-- Exact to the second, not sampled: staging.channel_hours says how, and has the same by DID, trunk and capacity group. A call
-- counts in each hour that it touches. Traffic in Erlang = seconds in the hour / 3600, the mean of channels in use (E.600).
-- Talk is from connect to end, held from start to end: what a channel limit sees is held.
SELECT
    month, -- Month of the hour, YYYY-MM (UTC).
    hour, -- Beginning of the hour, UTC.
    direction, -- Direction of the traffic: in (to a DID) or out.
    peak_channels, -- Most calls that were connected in the same second.
    peak_at, -- The first such second, UTC; NULL where none was connected.
    peak_held_channels, -- Most calls that held a channel in the same second, ringing included.
    peak_held_at, -- The first such second, UTC.
    talk_seconds, -- Connected seconds that fell into the hour, over all calls.
    held_seconds, -- Seconds that fell into the hour in which a channel was held, over all calls.
    CAST(talk_seconds AS DOUBLE) / 3600 AS talk_erlangs, -- Mean number of connected calls: talk_seconds / 3600.
    CAST(held_seconds AS DOUBLE) / 3600 AS held_erlangs -- Mean number of channels held: held_seconds / 3600.
FROM staging.channel_hours
WHERE scope = 'all'
