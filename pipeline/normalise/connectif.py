"""The tables of Connectif's files: CSV of declared columns, with the requested delimiter.

ISO dates have a zone. It is not documented whether a window includes its end. So activities of the next month are left
out: the next export has them. Reports begin and end at midnight in the zone of the account, and no other export has the
rows across that edge. So these rows are kept. Where the zone is not UTC, a check of the month reports them.
"""

from pipeline.dataset import Dataset
from pipeline.errors import PermanentError
from pipeline.normalise.table import Table, declared_table


def table(dataset: Dataset) -> Table:
    """Return the table of a dataset; raises ``PermanentError`` where its dates are not ISO and so have no zone."""
    written = dataset.options.get("dateFormat", "ISO")
    if written != "ISO":
        raise PermanentError(
            f"Export {dataset.name} asks for dates as {written}, without a zone; set dateFormat to ISO."
        )
    delimiter = str(dataset.options.get("delimiter", ","))
    return declared_table(dataset, delimiter, inside_only=dataset.resource == "activities")
