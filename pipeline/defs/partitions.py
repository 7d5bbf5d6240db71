"""Months as Dagster's partitions: keys like ``2026-10``, with the running month."""

import dagster as dg

from pipeline.months import Month


def monthly(first: Month) -> dg.MonthlyPartitionsDefinition:
    """Return every month from ``first`` to the running one, which ``end_offset`` adds."""
    return dg.MonthlyPartitionsDefinition(start_date=str(first), fmt="%Y-%m", end_offset=1)
