-- One row per month, direction, disconnect code, reason, initiator and trunk. Ask: what ends our calls, on whose side, where?
--
-- Attempts, not calls. The class is the code's in seeds.disconnect_classes (RFC 3261, RFC 3398), 'other' for a code that is
-- not there: the vendor's internal codes, or none. An answered attempt can end with any code, so it is counted apart.
WITH attempts AS (
    SELECT
        month,
        'in' AS direction,
        disconnect_code,
        disconnect_reason,
        disconnect_initiator,
        trunk_name,
        connected_at
    FROM cdr_in
    UNION ALL
    SELECT
        month,
        'out' AS direction,
        disconnect_code,
        disconnect_reason,
        CAST(NULL AS VARCHAR) AS disconnect_initiator,
        trunk_name,
        connected_at
    FROM cdr_out
),
causes AS (
    SELECT
        month,
        direction,
        disconnect_code,
        disconnect_reason,
        disconnect_initiator,
        trunk_name,
        count(*) AS attempts,
        count(connected_at) AS answered_attempts
    FROM attempts
    GROUP BY month, direction, disconnect_code, disconnect_reason, disconnect_initiator, trunk_name
)
SELECT
    causes.month, -- Month of call start, YYYY-MM (UTC).
    causes.direction, -- Direction of the traffic: in (to a DID) or out.
    causes.disconnect_code, -- SIP or internal code that ended the attempts; NULL where the vendor gave none.
    causes.disconnect_reason, -- The text that came with the code.
    causes.disconnect_initiator, -- Which side hung up; NULL for outbound, where the vendor does not say.
    causes.trunk_name, -- Name of the trunk; NULL for attempts that reached none.
    coalesce(classes.class, 'other') AS class, -- Class of the code from the seed disconnect_classes; other if it is not there.
    causes.attempts, -- Attempts that ended so.
    causes.answered_attempts, -- Those of them with a connect time.
    CAST(causes.attempts AS DOUBLE) / nullif(sum(causes.attempts) OVER (PARTITION BY causes.month, causes.direction), 0) AS share_of_attempts -- Share of the month's attempts in that direction, 0 to 1.
FROM causes
LEFT JOIN seeds.disconnect_classes AS classes
    ON classes.disconnect_code = causes.disconnect_code
