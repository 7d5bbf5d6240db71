-- One row per record type and day on which the loaded export differs from the one before.
-- Ask: what did the newest export change?
SELECT differences.*
FROM differences
INNER JOIN coverage USING (record_type, month, export_id)
WHERE month = $month
ORDER BY record_type, day
