-- One row per record type and control total, rows first and money last.
-- Ask: do the tables hold what the files hold?
SELECT
    record_type,
    component,
    counted,
    archived,
    published,
    rejected,
    unknown,
    difference
FROM trends.reconciliation
WHERE month = $month
ORDER BY record_type, component <> 'rows', component LIKE '%_usd', component
