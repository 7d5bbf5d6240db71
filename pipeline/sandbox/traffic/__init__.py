"""What happened, to be exported: calls, messages and whatever else is counted, seeded, day by day."""
