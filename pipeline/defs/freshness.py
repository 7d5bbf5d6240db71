"""Freshness policies: Dagster's UI shows a dataset as stale when its running month was not loaded for too long."""

from collections.abc import Iterable
from datetime import timedelta

import dagster as dg

WARN_AFTER, FAIL_AFTER = timedelta(hours=30), timedelta(hours=48)
"""The running month is requested every 24 hours, and a vendor may need hours for an export. 48 hours are a missed day.

Dagster keeps one time per asset, so a load of another month counts too. Finished months are loaded again until they are
sealed, which can hide a late running month for that long. The check ``deadline`` looks at each month by itself.
"""


def with_freshness(
    assets: Iterable[dg.AssetsDefinition | dg.AssetSpec],
) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """Add the policy to the tables of datasets; their export, ready and file assets stay as they are."""
    policy = dg.FreshnessPolicy.time_window(fail_window=FAIL_AFTER, warn_window=WARN_AFTER)
    return [
        *dg.map_asset_specs(
            lambda spec: dg.apply_freshness_policy(spec, policy) if len(spec.key.path) == 1 else spec, assets
        )
    ]
