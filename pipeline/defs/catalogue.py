"""Describe a relation in Dagster's events: its rows, totals and preview, and the origin of each column."""

from collections.abc import Collection, Iterable, Mapping
from functools import cache, partial
from typing import Any

import dagster as dg

from pipeline.defs import markdown
from pipeline.defs.relations import columns, key_of
from pipeline.errors import PermanentError
from pipeline.normalise.schema import RECORD_TYPES, control_columns
from pipeline.normalise.table import Table
from pipeline.privacy.masking import masked
from pipeline.privacy.personal import NAME
from pipeline.settings import Settings
from pipeline.warehouse.lineage import Origin, column_lineage
from pipeline.warehouse.preview import Preview, PreviewSpec
from pipeline.warehouse.queries import Query, models, views

# columns that add up, under the names that they keep from the records to the marts; prices do not add up
_COUNTS = frozenset({"calls", "attempts"})
_TOTALS = frozenset(
    {*_COUNTS, "cost_usd"}
    | {name for columns in RECORD_TYPES.values() for name in control_columns(columns)} - {"rate_usd"}
)


def preview_spec(settings: Settings, table: Table | None = None, personal: Collection[str] = ()) -> PreviewSpec:
    """Return what adds up in a relation, and a mask for the people in it: numbers show no more than pseudonyms do.

    No SQL gives the column of names another name; a test holds that.

    Args:
        settings: The settings, which say how many digits of a number are shown.
        table: The table definition of a dataset, which says which columns add up.
        personal: Further columns that show people.
    """
    names = {NAME, *personal}
    totals = _TOTALS | set(table.control) - {"rate_usd"} if table else _TOTALS
    return PreviewSpec(totals, partial(masked, prefix=settings.cdr_pseudonym_digits, names=names))


def of_preview(found: Preview | None, rows: str = "dagster/partition_row_count") -> dict[str, Any]:
    """Return the rows, totals and first rows of a preview as metadata; no entry without a preview."""
    if found is None:
        return {}
    return {
        rows: found.rows,
        # counts and seconds as numbers, which Dagster plots; money as text, which it cannot round
        **{name: int(sum_) if _is_count(name) else f"{sum_:f}" for name, sum_ in found.sums.items()},
        "preview": dg.MetadataValue.md(markdown.table(found.first.names, found.first.rows)),
    }


def _is_count(name: str) -> bool:
    return name.endswith("_seconds") or name in _COUNTS


def of_lineage(query: Query) -> dict[str, Any]:
    """Return the origin of each column of a query as metadata."""
    try:
        return lineage_metadata(origins(query.name))
    except PermanentError as error:
        return {"columns from": str(error)}


def lineage_metadata(found: Mapping[str, Iterable[Origin]]) -> dict[str, Any]:
    """Return origins as metadata, once for Dagster and once as a table: its open-source UI does not show its own."""
    deps = {
        column: [dg.TableColumnDep(key_of(relation), name) for relation, name in origins_]
        for column, origins_ in found.items()
    }
    rows = [(column, ", ".join(f"{relation}.{name}" for relation, name in above)) for column, above in found.items()]
    return {
        "dagster/column_lineage": dg.TableColumnLineage({column: above for column, above in deps.items() if above}),
        "columns from": dg.MetadataValue.md(markdown.table(["column", "comes from"], rows, longest=None)),
    }


@cache
def origins(relation: str) -> Mapping[str, list[Origin]]:
    """Return the origins of the columns of a model or trend; no column for any other relation."""
    query = _queries().get(relation)
    return column_lineage(query.name, query.sql, columns()) if query else {}


@cache
def _queries() -> Mapping[str, Query]:
    return {query.name: query for query in (*models(), *views())}
