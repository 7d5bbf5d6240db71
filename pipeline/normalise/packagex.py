"""How to read PackageX's files: plain CSV of the declared columns, with times in UTC as they were asked for.

A file holds every record since the day before its month, as only the lower end can be asked for: those of the month
are its rows.
"""

from dataclasses import replace

from pipeline.dataset import Dataset
from pipeline.errors import PermanentError
from pipeline.normalise.schema import Kind
from pipeline.normalise.table import Table, declared


def table(dataset: Dataset) -> Table:
    """How its rows are typed; raises ``PermanentError`` for times with a zone, which are not what is asked for."""
    if zoned := [name for name, kind in dataset.fields.items() if kind == Kind.TIMESTAMPTZ.value]:
        raise PermanentError(
            f"Export {dataset.name} declares {zoned[0]} as a timestamptz, but PackageX is asked for times in UTC "
            "without a zone; declare it as a timestamp."
        )
    return replace(declared(dataset, inside_only=True), open_ended=True)
