-- One row per call record that was answered before it began or ended before that.
-- Ask: are the times in their columns?
-- severity: warn
SELECT
    -- Month of call start, YYYY-MM (UTC).
    month,
    -- Table of the row: cdr_in or cdr_out.
    record_type,
    -- The vendor's id of the export that held the row.
    export_id,
    -- The row's place in that export's file, from 1.
    row_number,
    -- When the call began to ring, UTC.
    started_at,
    -- When it was answered, UTC.
    connected_at,
    -- When it ended, UTC.
    ended_at
FROM staging.attempts
WHERE
    connected_at < started_at
    OR ended_at < connected_at
    OR ended_at < started_at
