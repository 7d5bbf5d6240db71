-- Part of a whole as a DOUBLE; NULL where the whole is 0 or NULL.
-- The one division that every share and ratio rests on. Ratios do not add up: divide the sums.
CREATE MACRO ratio(part, whole) AS
CAST(part AS double) / nullif(CAST(whole AS double), 0);
