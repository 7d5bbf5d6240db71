-- One row per call record that started outside its month (UTC).
-- Ask: did the vendor's window and ours mean the same month?
-- severity: error
--
-- The export's filter, the file's times and the marts' month must follow one clock. Such a row is
-- counted in a month that is not replaced with the row's real month.
SELECT
    -- Month the export was asked for, YYYY-MM (UTC).
    month,
    -- Table of the row: cdr_in or cdr_out.
    record_type,
    -- The vendor's id of the export that held the row.
    export_id,
    -- The row's place in that export's file, from 1.
    row_number,
    -- When the call began to ring, UTC.
    started_at
FROM staging.attempts
WHERE strftime(started_at, '%Y-%m') IS DISTINCT FROM month
