"""Months as Dagster's partitions: keys like ``2026-10``, the running month among them."""

import dagster as dg

from pipeline.months import Month


def monthly(first: Month) -> dg.MonthlyPartitionsDefinition:
    """Every month from ``first`` to the one that is running, which ``end_offset`` brings in."""
    return dg.MonthlyPartitionsDefinition(start_date=str(first), fmt="%Y-%m", end_offset=1)
