"""The tables of Rebilly's files: the requested fields, in columns with names that need no quotes in SQL.

A field may be a path, such as ``averageValue/amount``. Its column is ``averageValue_amount``.
"""

from dataclasses import replace

from pipeline.dataset import Dataset
from pipeline.normalise.header import HeaderVersion
from pipeline.normalise.table import Table, declared_table


def table(dataset: Dataset) -> Table:
    """Return the table of a dataset."""
    plain = declared_table(dataset, inside_only=True)
    names = {field: field.replace("/", "_") for field in dataset.fields}
    columns = tuple(replace(column, name=names[column.name]) for column in plain.columns)
    version = HeaderVersion({dataset.window: names[dataset.window]}, optional=names)
    return replace(plain, columns=columns, header_versions=(version,), timestamp=names[plain.timestamp])
