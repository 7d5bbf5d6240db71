-- One row per direction and DID, trunk or capacity group.
-- Ask: through what were most channels in use at once?
--
-- peak_at is the first time that so many channels were in use.
SELECT
    direction,
    scope,
    name,
    arg_min(peak_held_at, (-peak_held_channels, peak_held_at)) AS peak_at,
    max(busy_hour_erlangs) AS erlangs,
    max(channels_needed) AS needed,
    max(peak_held_channels) AS channels,
    sum(lost_calls) AS lost
FROM marts.peak_concurrency
WHERE month = $month AND scope <> 'all' AND name IS NOT NULL
GROUP BY direction, scope, name
ORDER BY channels DESC, lost DESC, erlangs DESC, scope ASC, name ASC, direction ASC
