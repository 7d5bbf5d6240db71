"""Keeps call records: ask the vendor, sense, land, normalise, load, publish."""
