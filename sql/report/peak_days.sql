-- One row per day (UTC) and direction.
-- Ask: how many channels were in use at once each day?
SELECT
    day,
    direction,
    peak_held_channels AS channels,
    peak_held_at AS peak_at,
    peak_channels AS connected,
    busy_hour,
    busy_hour_erlangs AS erlangs,
    channels_needed AS needed
FROM marts.peak_concurrency
WHERE month = $month AND scope = 'all'
ORDER BY day, direction
