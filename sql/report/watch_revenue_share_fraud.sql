-- One row per finding of trends.watch_irsf.
-- Ask: through which trunks are revenue shares pumped, and to where?
SELECT
    first_call_at AS at,
    concat_ws(' to ', trunk_name, destination_country) AS place,
    why,
    cost_usd
FROM trends.watch_irsf
WHERE month = $month
ORDER BY ALL
