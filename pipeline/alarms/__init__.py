"""Alarms: their text, the redaction of secrets and numbers, and the channels that send them."""
