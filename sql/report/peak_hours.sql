-- One row per direction, weekday (1 is Monday) and hour (UTC).
-- Ask: at which hours are most channels in use?
SELECT
    direction,
    isodow(hour) AS weekday,
    hour(hour) AS hour,
    max(peak_held_channels) AS channels
FROM marts.hourly_concurrency
WHERE month = $month
GROUP BY ALL
ORDER BY ALL
