-- Traffic of one hour in Erlang: channel seconds in the hour / 3600 (ITU-T E.600).
CREATE MACRO erlangs(seconds) AS
CAST(seconds AS double) / 3600;
