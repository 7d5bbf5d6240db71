"""What Dagster runs and shows: assets, checks, jobs, schedules and sensors over the operations, which decide."""

import warnings

from dagster import BetaWarning, PreviewWarning

# tests pin what is used of these; a warning at every start is of no use to a user
warnings.filterwarnings("ignore", category=BetaWarning)
warnings.filterwarnings("ignore", category=PreviewWarning)
