-- One row per month, direction, disconnect code, reason, initiator and trunk.
-- Ask: what ends our calls, on whose side, where?
-- grain: month, direction, disconnect_code, disconnect_reason, disconnect_initiator, trunk_name
--
-- Counts attempts, not calls. staging.causes gives the class (RFC 3261, RFC 3398). An answered
-- attempt can end with any code, so answered attempts have a column of their own.
WITH causes AS (
    SELECT
        month,
        direction,
        disconnect_code,
        disconnect_reason,
        disconnect_initiator,
        trunk_name,
        class,
        CAST(sum(attempts) AS BIGINT) AS attempts,
        coalesce(CAST(sum(attempts) FILTER (WHERE answered) AS BIGINT), 0) AS answered_attempts
    FROM staging.attempt_outcomes
    GROUP BY
        month,
        direction,
        disconnect_code,
        disconnect_reason,
        disconnect_initiator,
        trunk_name,
        class
)

SELECT
    -- Month of call start, YYYY-MM (UTC).
    month,
    -- Direction of the traffic: in (to a DID) or out.
    direction,
    -- SIP or internal code that ended the attempts; NULL where the vendor gave none.
    disconnect_code,
    -- The text that came with the code.
    disconnect_reason,
    -- Which side hung up; NULL for outbound, where the vendor does not say.
    disconnect_initiator,
    -- Name of the trunk; NULL for attempts that reached none.
    trunk_name,
    -- Class from the seed disconnect_classes; other if no line of it matches.
    class,
    -- Attempts that ended this way.
    attempts,
    -- Those with a connect time.
    answered_attempts,
    -- Share of the month's attempts in that direction, 0 to 1.
    ratio(attempts, sum(attempts) OVER (PARTITION BY month, direction)) AS share_of_attempts
FROM causes
