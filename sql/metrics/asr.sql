-- Answer-seizure ratio, 0 to 1: answered / seizures (ITU-T E.411, E.425 1.3).
-- By call where both count calls, by attempt where both count attempts.
CREATE MACRO asr(answered, seizures) AS
ratio(answered, seizures);
