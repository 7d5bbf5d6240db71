-- One row per record type and day on which the loaded export differs from the one before.
-- Ask: what did the newest export change?
SELECT
    differences.record_type,
    differences.day,
    differences.rows_before,
    differences.rows_after,
    differences.rows_added,
    differences.rows_gone,
    differences.rows_changed,
    differences.seconds_more,
    differences.usd_more
FROM differences
INNER JOIN coverage
    ON
        differences.record_type = coverage.record_type
        AND differences.month = coverage.month
        AND differences.export_id = coverage.export_id
WHERE differences.month = $month
ORDER BY differences.record_type, differences.day
