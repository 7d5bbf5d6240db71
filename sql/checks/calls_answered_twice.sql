-- One row per inbound call with more than one answered attempt. Ask: were two calls folded into one?
-- severity: warn
SELECT
    month, -- Month of call start, YYYY-MM (UTC).
    call_id, -- The call's id; NULL for some failed calls.
    export_id, -- The vendor's id of the export that held the last answered attempt.
    row_number, -- The last answered attempt's place in that export's file, from 1.
    answered_attempts -- Attempts with a connect time.
FROM staging.calls_in
WHERE answered_attempts > 1
