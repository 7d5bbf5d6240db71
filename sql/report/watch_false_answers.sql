-- One row per finding of marts.watch_false_answer.
-- Ask: which networks answer falsely?
SELECT
    CAST(day AS TIMESTAMP) AS at,
    concat_ws(', ', destination_country, network) AS place,
    why,
    suspect_usd AS cost_usd
FROM marts.watch_false_answer
WHERE month = $month
ORDER BY ALL
