-- One row per month with a loaded record type.
-- Ask: which months can be reported?
SELECT DISTINCT month
FROM coverage
WHERE rows IS NOT NULL
ORDER BY month
