-- Price of a minute in USD: cost / minutes of the given seconds; NULL where there are no seconds.
-- The seconds are billed seconds (out) or connected seconds (in, where billed seconds are unknown).
CREATE MACRO cost_per_minute(cost_usd, seconds) AS
ratio(cost_usd, minutes(seconds));
