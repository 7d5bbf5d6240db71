-- One row per call id and attempt that cdr_in holds more than once. Ask: did the vendor write an attempt twice?
-- severity: warn
--
-- Never a reason to delete: two calls can be byte-identical rows. Rows without a call id cannot be told apart and are left out.
SELECT
    month, -- Month of call start, YYYY-MM (UTC).
    call_id, -- The call's id.
    coalesce(attempt, 1) AS attempt, -- Number of the routing attempt; a missing one counts as 1.
    count(*) AS copies, -- Rows with that call id and attempt.
    min(row_number) AS first_row_number, -- Place of the first of them in the export's file.
    max(row_number) AS last_row_number -- Place of the last of them in the export's file.
FROM cdr_in
WHERE call_id IS NOT NULL
GROUP BY month, call_id, coalesce(attempt, 1)
HAVING count(*) > 1
