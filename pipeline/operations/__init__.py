"""The loop: gather the state of each month, let the plan decide, and act.

Not here: the vendors' APIs (``export``), their files (``normalise``), Dagster (``defs``) and terminals (``commands``).
"""
