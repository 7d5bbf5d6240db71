-- One row per call record and cell that holds another value than was served.
-- Ask: which figures rest on a reading of ours?
-- severity: warn
--
-- A zero date is no time; nor is a time farther from the call's start than a call can last. The
-- column is then NULL, and the call counts as not answered. A price with more decimals than are
-- kept is rounded, half to even. The column extra has the cell as served.
WITH cells AS (
    SELECT
        month,
        record_type,
        export_id,
        row_number,
        unnest(map_entries(extra)) AS cell
    FROM staging.attempts
    WHERE extra IS NOT NULL
)

SELECT
    -- Month of call start, YYYY-MM (UTC).
    cells.month,
    -- Table of the row: cdr_in or cdr_out.
    cells.record_type,
    -- The vendor's id of the export that held the row.
    cells.export_id,
    -- The row's place in that export's file, from 1.
    cells.row_number,
    -- The column that holds something else.
    replace(cell.key, ' as served', '') AS column_name,
    -- The cell as it was served.
    cell.value AS served
FROM cells
WHERE cell.key IN (
    'connected_at as served',
    'ended_at as served',
    'toll_free_usd as served',
    'pstn_usd as served',
    'metered_usd as served',
    'cnam_usd as served',
    'total_usd as served',
    'rate_usd as served',
    'charged_usd as served'
)
