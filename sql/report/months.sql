-- One row per month with a loaded record type. Ask: of which months is there a report?
SELECT DISTINCT month
FROM coverage
WHERE rows IS NOT NULL
ORDER BY month
