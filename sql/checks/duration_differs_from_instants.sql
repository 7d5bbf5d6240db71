-- One row per call record whose seconds are not its end minus its connect. Ask: can the vendor's durations be trusted?
-- severity: warn
--
-- Only where all three are present. One second either way is allowed: the vendor keeps microseconds and writes each instant
-- and the duration in whole seconds on its own, so a right record can be off by one.
WITH records AS (
    SELECT
        month,
        'cdr_in' AS record_type,
        export_id,
        row_number AS line,
        duration_seconds,
        date_diff('second', connected_at, ended_at) AS instants_seconds
    FROM cdr_in
    UNION ALL
    SELECT
        month,
        'cdr_out' AS record_type,
        export_id,
        row_number AS line,
        duration_seconds,
        date_diff('second', connected_at, ended_at) AS instants_seconds
    FROM cdr_out
)
SELECT
    month, -- Month of call start, YYYY-MM (UTC).
    record_type, -- Table of the row: cdr_in or cdr_out.
    export_id, -- The vendor's id of the export that held the row.
    line AS row_number, -- The row's place in that export's file, from 1.
    duration_seconds, -- Connected seconds as served.
    instants_seconds -- Seconds from connect to end.
FROM records
WHERE abs(duration_seconds - instants_seconds) > 1
