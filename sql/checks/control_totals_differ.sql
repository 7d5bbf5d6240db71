-- One row per loaded month whose rows are not those of its export's file.
-- Ask: did everything that was served arrive?
-- severity: error
--
-- Records counted in the bytes of the file = records read from it = rows loaded + rows rejected.
-- Rows, seconds and money published = those noted when the file was loaded. A month whose calls are
-- no longer kept (state expired in coverage) cannot be compared. Records that are no calls are
-- compared when they are loaded.
WITH published AS (
    SELECT
        record_type,
        month,
        count(*) AS row_count,
        coalesce(sum(duration_seconds), 0) AS duration_seconds,
        coalesce(sum(cost_usd), 0) AS cost_usd
    FROM staging.attempts
    GROUP BY record_type, month
),

rejected AS (
    SELECT
        record_type,
        month,
        count(*) AS row_count
    FROM rejected_rows
    GROUP BY record_type, month
),

loaded AS (
    SELECT
        exports.record_type,
        exports.month,
        exports.export_id,
        exports.rows AS noted_rows,
        exports.rejected_rows AS noted_rejected_rows,
        exports.duration_seconds AS noted_seconds,
        exports.cost_usd AS noted_usd,
        CAST(json_extract_string(exports.control_totals, '$.rows') AS BIGINT) AS file_rows,
        exports.counted_records - coalesce(exports.left_out_rows, 0) AS counted_rows
    FROM coverage
    INNER JOIN exports
        ON
            coverage.export_id = exports.export_id
            AND coverage.record_type = exports.record_type
            AND coverage.state IS DISTINCT FROM 'expired'
            AND coverage.record_type IN ('cdr_in', 'cdr_out')
)

SELECT
    -- Month the export was asked for, YYYY-MM (UTC).
    loaded.month,
    -- Table of the rows: cdr_in or cdr_out.
    loaded.record_type,
    -- The vendor's id of the export that is loaded.
    loaded.export_id,
    -- Records in the export's file.
    loaded.file_rows,
    -- The same, counted in its bytes; NULL of loads that did not note it.
    loaded.counted_rows,
    -- Rows of the month as published.
    coalesce(published.row_count, 0) AS published_rows,
    -- Records of the file that could not be typed.
    coalesce(rejected.row_count, 0) AS rejected_rows,
    -- Money noted when the file was loaded, USD.
    loaded.noted_usd,
    -- Money of the month as published, USD.
    coalesce(published.cost_usd, 0) AS published_usd
FROM loaded
LEFT JOIN published
    ON
        loaded.record_type = published.record_type
        AND loaded.month = published.month
LEFT JOIN rejected
    ON
        loaded.record_type = rejected.record_type
        AND loaded.month = rejected.month
WHERE
    loaded.file_rows <> coalesce(published.row_count, 0) + coalesce(rejected.row_count, 0)
    OR loaded.counted_rows <> loaded.file_rows
    OR loaded.noted_rows <> coalesce(published.row_count, 0)
    OR loaded.noted_rejected_rows <> coalesce(rejected.row_count, 0)
    OR loaded.noted_seconds <> coalesce(published.duration_seconds, 0)
    OR loaded.noted_usd <> coalesce(published.cost_usd, 0)
