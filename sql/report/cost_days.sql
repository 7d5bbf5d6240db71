-- One row per day of call start (UTC) and component.
-- Ask: what did each day cost?
SELECT
    day,
    component,
    sum(cost_usd) AS cost_usd
FROM marts.cost_by_day
WHERE month = $month
GROUP BY day, component
ORDER BY day, component
