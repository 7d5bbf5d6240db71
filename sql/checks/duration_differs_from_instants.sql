-- One row per call record whose seconds are not its end minus its connect.
-- Ask: can the vendor's durations be trusted?
-- severity: warn
--
-- Compares only records that have all three. One second either way is allowed: the vendor rounds
-- each time and the duration to whole seconds separately, so a right record can be off by one.
WITH records AS (
    SELECT
        *,
        date_diff('second', connected_at, ended_at) AS instants_seconds
    FROM staging.attempts
)

SELECT
    -- Month of call start, YYYY-MM (UTC).
    month,
    -- Table of the row: cdr_in or cdr_out.
    record_type,
    -- The vendor's id of the export that held the row.
    export_id,
    -- The row's place in that export's file, from 1.
    row_number,
    -- Connected seconds as served.
    duration_seconds,
    -- Seconds from connect to end.
    instants_seconds
FROM records
WHERE abs(duration_seconds - instants_seconds) > 1
