-- One row per record type.
-- Ask: how many exports of the month were loaded?
SELECT
    record_type,
    count(*) AS exports
FROM exports
WHERE month = $month AND loaded_at IS NOT NULL
GROUP BY record_type
ORDER BY record_type
