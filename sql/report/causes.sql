-- One row per direction and disconnect cause of unanswered attempts, the most frequent first.
-- Ask: why are calls not answered?
SELECT
    direction,
    disconnect_code,
    disconnect_reason,
    class,
    disconnect_initiator,
    sum(attempts - answered_attempts) AS attempts,
    ratio(
        sum(attempts - answered_attempts),
        sum(sum(attempts - answered_attempts)) OVER (PARTITION BY direction)
    ) AS share
FROM marts.disconnect_causes
WHERE month = $month
GROUP BY direction, disconnect_code, disconnect_reason, class, disconnect_initiator
HAVING sum(attempts - answered_attempts) > 0
ORDER BY
    attempts DESC,
    direction ASC,
    disconnect_code ASC,
    disconnect_reason ASC,
    disconnect_initiator ASC,
    class ASC
