-- One row per call id and attempt that cdr_in holds more than once.
-- Ask: did the vendor write an attempt twice?
-- severity: warn
--
-- This is no reason to delete a row: two calls can be byte-identical rows. Rows without a call id
-- cannot be told apart and are left out.
SELECT
    -- Month of call start, YYYY-MM (UTC).
    month,
    -- The call's id.
    call_id,
    -- Number of the routing attempt; a missing one counts as 1.
    coalesce(attempt, 1) AS attempt,
    -- Rows with that call id and attempt.
    count(*) AS copies,
    -- Place of the first of them in the export's file.
    min(row_number) AS first_row_number,
    -- Place of the last of them in the export's file.
    max(row_number) AS last_row_number
FROM cdr_in
WHERE call_id IS NOT NULL
GROUP BY month, call_id, coalesce(attempt, 1)
HAVING count(*) > 1
