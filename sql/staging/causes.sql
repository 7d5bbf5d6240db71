-- One row per month and combination of disconnect code, reason and initiator.
-- Ask: in which class do attempts count that ended this way?
-- grain: month, disconnect_code, disconnect_reason, disconnect_initiator
--
-- The one place where a cause gets its class. A line of seeds.disconnect_classes matches if each of
-- its three cells is empty or has the same text, in any case of letters.
--
-- The most specific matching line counts. A line with a code is more specific than one without,
-- then one with a reason, then one with an initiator. A cause that no line matches gets the class
-- other. Outbound records have no initiator.
WITH endings AS (
    SELECT
        month,
        disconnect_code,
        disconnect_reason,
        disconnect_initiator
    FROM staging.attempts
    GROUP BY month, disconnect_code, disconnect_reason, disconnect_initiator
),

matched AS (
    SELECT
        endings.*,
        classes.class,
        rank() OVER (
            PARTITION BY
                endings.month,
                endings.disconnect_code,
                endings.disconnect_reason,
                endings.disconnect_initiator
            ORDER BY
                classes.disconnect_code IS NULL,
                classes.disconnect_reason IS NULL,
                classes.disconnect_initiator IS NULL
        ) AS place
    FROM endings
    LEFT JOIN seeds.disconnect_classes AS classes
        ON
            (
                classes.disconnect_code IS NULL
                OR lower(classes.disconnect_code) = lower(endings.disconnect_code)
            )
            AND (
                classes.disconnect_reason IS NULL
                OR lower(classes.disconnect_reason) = lower(endings.disconnect_reason)
            )
            AND (
                classes.disconnect_initiator IS NULL
                OR lower(classes.disconnect_initiator) = lower(endings.disconnect_initiator)
            )
)

SELECT
    -- Month of call start, YYYY-MM (UTC).
    month,
    -- SIP or internal code that ended the attempts; NULL where the vendor gave none.
    disconnect_code,
    -- The text that came with the code.
    disconnect_reason,
    -- Which side hung up; NULL for outbound, where the vendor does not say.
    disconnect_initiator,
    -- Class from the seed disconnect_classes; other if no line of it matches.
    coalesce(min(class), 'other') AS class,
    -- Lines of the seed that match as closely as the one taken: more than 1 are a contradiction or
    -- a repetition.
    count(*) AS lines
FROM matched
WHERE place = 1
GROUP BY month, disconnect_code, disconnect_reason, disconnect_initiator
