"""The tables of PackageX's files: CSV of the declared columns, with times in UTC, as requested.

A request has a lower end only. So a file has every record since the day before its month, and the rows of other months
are left out.
"""

from dataclasses import replace

from pipeline.dataset import Dataset
from pipeline.errors import PermanentError
from pipeline.normalise.schema import Kind
from pipeline.normalise.table import Table, declared_table


def table(dataset: Dataset) -> Table:
    """Return the table of a dataset; raises ``PermanentError`` for times with a zone, which are never requested."""
    if wrong := [name for name, kind in dataset.fields.items() if kind == Kind.TIMESTAMPTZ.value]:
        raise PermanentError(
            f"Export {dataset.name} declares {wrong[0]} as a timestamptz, but times of PackageX are requested in UTC "
            "without a zone; declare it as a timestamp."
        )
    return replace(declared_table(dataset, inside_only=True), open_ended=True)
