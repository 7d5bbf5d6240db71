-- One row per DID, the five most expensive over all months.
-- Ask: which of our numbers cost most?
SELECT
    did_number,
    sum(calls) AS calls,
    round(sum(minutes)) AS minutes,
    sum(total_usd) AS total_usd
FROM marts.cost_by_did
GROUP BY did_number
ORDER BY total_usd DESC, did_number ASC
LIMIT 5
