-- One row per month, record type and component that is not published as it was archived.
-- Ask: is every second and every cent there?
-- severity: error
--
-- The rows of trends.reconciliation with a difference, or with another number of records than was
-- counted in the bytes of the file. Rejected rows are no difference: rejected_rows lists them. The
-- check amounts_unknown names amounts that are unknown.
SELECT
    -- Month the export was asked for, YYYY-MM (UTC).
    month,
    -- Table of the rows: cdr_in or cdr_out.
    record_type,
    -- What is added up: rows, or a column of seconds or US dollars.
    component,
    -- The vendor's id of the export that is loaded.
    export_id,
    -- Sum over the archived file, as its text says.
    archived,
    -- Part of it in records that could not be typed.
    rejected,
    -- Sum over the published table.
    published,
    -- Records counted in the bytes of the file; NULL of sums, and of loads that did not note it.
    counted,
    -- What is missing, or too much if negative.
    difference
FROM trends.reconciliation
WHERE
    difference <> 0
    OR counted <> archived
