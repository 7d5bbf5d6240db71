"""How to read Rebilly's files: the fields that were asked for, in columns that SQL can name without quotes.

A field may be a path such as ``averageValue/amount``: its column is ``averageValue_amount``.
"""

from dataclasses import replace

from pipeline.dataset import Dataset
from pipeline.normalise.header import HeaderVersion
from pipeline.normalise.table import Table, declared


def table(dataset: Dataset) -> Table:
    """How the rows of an export are typed."""
    plain = declared(dataset, inside_only=True)
    names = {field: field.replace("/", "_") for field in dataset.fields}
    columns = tuple(replace(column, name=names[column.name]) for column in plain.columns)
    version = HeaderVersion({dataset.window: names[dataset.window]}, optional=names)
    return replace(plain, columns=columns, header_versions=(version,), timestamp=names[plain.timestamp])
