-- One row per month, record type and component that is not published as it was archived. Ask: is every second and every cent there?
-- severity: error
--
-- The rows of trends.reconciliation with a difference, or with other records than were counted in the bytes of the file.
-- rejected_rows are no difference: they are listed. Amounts that are unknown are told by amounts_unknown.
SELECT
    month, -- Month the export was asked for, YYYY-MM (UTC).
    record_type, -- Table of the rows: cdr_in or cdr_out.
    component, -- What is added up: rows, or a column of seconds or US dollars.
    export_id, -- The vendor's id of the export that is loaded.
    archived, -- Sum over the archived file, as its text says.
    rejected, -- Part of it in records that could not be typed.
    published, -- Sum over the published table.
    counted, -- Records counted in the bytes of the file; NULL of sums, and of loads that did not note it.
    difference -- What is missing, or too much if negative.
FROM trends.reconciliation
WHERE difference <> 0
    OR counted <> archived
