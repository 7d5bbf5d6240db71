-- One row per record type and month, months in order.
-- Ask: how far has each month come?
SELECT *
FROM coverage
ORDER BY month, record_type
