-- One row per call record that was not answered and still lasted.
-- Ask: has the vendor left out connect times?
-- severity: warn
--
-- Answered means that there is a connect time. Seconds without one would raise the ACD of other
-- calls.
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
    AND duration_seconds > 0
