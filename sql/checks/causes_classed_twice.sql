-- One row per month and cause that two lines of seeds.disconnect_classes match equally well. Ask: does the seed contradict itself?
-- severity: error
--
-- Which of the lines is taken is the alphabet's choice, so NER may be wrong: delete all of them but one.
SELECT
    month, -- Month of call start, YYYY-MM (UTC).
    disconnect_code, -- SIP or internal code that ended the attempts; NULL where the vendor gave none.
    disconnect_reason, -- The text that came with the code.
    disconnect_initiator, -- Which side hung up; NULL for outbound, where the vendor does not say.
    class, -- The class that was taken.
    lines -- Lines of the seed that match equally well.
FROM staging.causes
WHERE lines > 1
