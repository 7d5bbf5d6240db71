-- One row per inbound call whose first attempt is missing.
-- Ask: does a call lack rows, or has an attempt lost its call id?
-- severity: warn
--
-- Both make more calls than there were: an attempt without its call id counts as a call of its own.
SELECT
    -- Month of call start, YYYY-MM (UTC).
    month,
    -- The call's id; NULL for some failed calls.
    call_id,
    -- The vendor's id of the export that held the deciding attempt.
    export_id,
    -- The deciding attempt's place in that export's file, from 1.
    row_number,
    -- Lowest attempt number present.
    first_attempt,
    -- Attempts that are there.
    attempts
FROM staging.calls_in
WHERE first_attempt <> 1
