-- One row per trunk and direction of the last full month, the eight busiest.
-- Ask: how well do our trunks complete calls, and why do they fail?
WITH newest AS (
    SELECT max(month) AS month
    FROM coverage
    WHERE state IN ('settling', 'sealed')
)

SELECT
    direction,
    trunk_name,
    attempts,
    round(asr_attempt, 3) AS asr,
    round(ner, 3) AS ner,
    top_failure_code
FROM marts.trunk_quality
WHERE month = (SELECT newest.month FROM newest)
ORDER BY attempts DESC, direction ASC, trunk_name ASC
LIMIT 8
