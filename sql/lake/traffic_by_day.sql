-- One row per direction and day of call start (UTC) of a month of daily_traffic.
-- Ask: how many calls began each day?
SELECT
    direction,
    day,
    CAST(sum(calls) AS BIGINT) AS calls
FROM shown
GROUP BY direction, day
ORDER BY direction, day
