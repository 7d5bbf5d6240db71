"""Records to export: calls, messages and other rows, made day by day from a seed."""
