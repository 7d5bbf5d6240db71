-- One row per month and cause that two lines of seeds.disconnect_classes match equally well.
-- Ask: does the seed contradict itself?
-- severity: error
--
-- The alphabet then chooses the line, so NER may be wrong: delete all of these lines but one.
SELECT
    -- Month of call start, YYYY-MM (UTC).
    month,
    -- SIP or internal code that ended the attempts; NULL where the vendor gave none.
    disconnect_code,
    -- The text that came with the code.
    disconnect_reason,
    -- Which side hung up; NULL for outbound, where the vendor does not say.
    disconnect_initiator,
    -- The class that was taken.
    class,
    -- Lines of the seed that match equally well.
    lines
FROM staging.causes
WHERE lines > 1
