"""Dagster, and no logic: short shells around the operations's verbs."""

import warnings

from dagster import BetaWarning, PreviewWarning

# what is used of them is pinned by tests; saying so at every start helps nobody who runs the product
warnings.filterwarnings("ignore", category=BetaWarning)
warnings.filterwarnings("ignore", category=PreviewWarning)
