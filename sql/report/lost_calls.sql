-- One row per hour (UTC) with calls lost for lack of a channel.
-- Ask: when did calls find no channel, and how many?
SELECT
    hour,
    sum(lost_calls) AS lost
FROM marts.hourly_concurrency
WHERE month = $month
GROUP BY hour
HAVING sum(lost_calls) > 0
ORDER BY hour
