-- One row per inbound call with more than one answered attempt.
-- Ask: were two calls folded into one?
-- severity: warn
SELECT
    -- Month of call start, YYYY-MM (UTC).
    month,
    -- The call's id; NULL for some failed calls.
    call_id,
    -- The vendor's id of the export that held the last answered attempt.
    export_id,
    -- The last answered attempt's place in that export's file, from 1.
    row_number,
    -- Attempts with a connect time.
    answered_attempts
FROM staging.calls_in
WHERE answered_attempts > 1
