-- One row per inbound call whose first attempt is not there. Ask: is a call missing rows, or has an attempt lost its call id?
-- severity: warn
--
-- Both make more calls than there were: an attempt whose call id the vendor left out stands as a call of its own.
SELECT
    month, -- Month of call start, YYYY-MM (UTC).
    call_id, -- The call's id; NULL for some failed calls.
    export_id, -- The vendor's id of the export that held the deciding attempt.
    row_number, -- The deciding attempt's place in that export's file, from 1.
    first_attempt, -- Lowest attempt number present.
    attempts -- Attempts that are there.
FROM staging.calls_in
WHERE first_attempt <> 1
