-- One row per call record that was not answered and still lasted.
-- Ask: has the vendor left out connect times?
-- severity: warn
--
-- Answered means a connect time here; seconds without one would raise the ACD of the others.
WITH records AS (
    SELECT
        month,
        'cdr_in' AS record_type,
        export_id,
        row_number AS line,
        connected_at,
        duration_seconds,
        total_usd AS cost_usd
    FROM cdr_in
    UNION ALL
    SELECT
        month,
        'cdr_out' AS record_type,
        export_id,
        row_number AS line,
        connected_at,
        duration_seconds,
        charged_usd AS cost_usd
    FROM cdr_out
)
SELECT
    -- Month of call start, YYYY-MM (UTC).
    month,
    -- Table of the row: cdr_in or cdr_out.
    record_type,
    -- The vendor's id of the export that held the row.
    export_id,
    -- The row's place in that export's file, from 1.
    line AS row_number,
    -- Connected seconds as served.
    duration_seconds,
    -- What the attempt cost, USD.
    cost_usd
FROM records
WHERE connected_at IS NULL
    AND duration_seconds > 0
