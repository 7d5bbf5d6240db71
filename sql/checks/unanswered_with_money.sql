-- One row per call record that was not answered and still cost something.
-- Ask: what were we charged for?
-- severity: warn
--
-- This can be right: looking up a caller's name costs money whether or not the call is answered.
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
    NOT answered
    AND cost_usd <> 0
