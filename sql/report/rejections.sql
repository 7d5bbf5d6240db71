-- One row per record type and reason, the most frequent first.
-- Ask: which records could not be read, and why?
SELECT
    record_type,
    reason,
    count(*) AS records
FROM rejected_rows
WHERE month = $month
GROUP BY record_type, reason
ORDER BY records DESC, record_type ASC, reason ASC
