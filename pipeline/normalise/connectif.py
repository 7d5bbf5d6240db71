"""How to read Connectif's files: one CSV of declared columns, whose delimiter is the one that was asked for.

A cell of ISO dates has its zone. Whether an activity at the very end of a window is in it is not documented, so one
that is the next month's is left to that. Reports are cut at the midnights of the account's zone, and no other export
holds what lies over the edge: it is kept, and unless that zone is UTC the month's check says so.
"""

from pipeline.dataset import Dataset
from pipeline.errors import PermanentError
from pipeline.normalise.table import Table, declared


def table(dataset: Dataset) -> Table:
    """How its rows are typed; raises ``PermanentError`` where its dates would be written for readers of one country."""
    written = dataset.options.get("dateFormat", "ISO")
    if written != "ISO":
        raise PermanentError(
            f"Export {dataset.name} asks for dates as {written}, without a zone; set dateFormat to ISO."
        )
    delimiter = str(dataset.options.get("delimiter", ","))
    return declared(dataset, delimiter, inside_only=dataset.resource == "activities")
