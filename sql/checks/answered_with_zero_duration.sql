-- One row per call record that was answered and lasted less than a second.
-- Ask: are there answers without a conversation?
-- severity: warn
--
-- This is legitimate if the caller hangs up within the second of the answer. Many of them are a
-- fault or false answers.
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
    -- What the attempt cost, USD.
    cost_usd
FROM staging.attempts
WHERE
    answered
    AND coalesce(duration_seconds, 0) <= 0
