-- Seconds as minutes, a DOUBLE.
CREATE MACRO minutes(seconds) AS
CAST(seconds AS double) / 60;
