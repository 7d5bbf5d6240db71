-- One row per call id that more than one inbound call of a month has.
-- Ask: does one id of the vendor stand for one call only?
-- severity: warn
--
-- Causes: a counter that restarts, an id such as 0 that means none, an id that two DIDs share, a
-- record written twice. staging.calls_in separates these calls by DID, caller and time. A join by
-- the call id alone gives wrong results.
SELECT
    -- Month of call start, YYYY-MM (UTC).
    month,
    -- The call's id.
    call_id,
    -- Calls that have it.
    count(*) AS calls,
    -- When the first of them began, UTC.
    min(started_at) AS first_started_at,
    -- When the last of them began, UTC.
    max(started_at) AS last_started_at,
    -- Place of the first of their deciding attempts in the export's file.
    min(row_number) AS first_row_number,
    -- Place of the last of them in the export's file.
    max(row_number) AS last_row_number
FROM staging.calls_in
WHERE call_id IS NOT NULL
GROUP BY month, call_id
HAVING count(*) > 1
