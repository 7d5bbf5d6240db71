"""What an event tells of the relation that it made: rows, totals, a glance, and where each column comes from."""

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
from pipeline.warehouse.lineage import Origin, column_lineage, descendants
from pipeline.warehouse.preview import Glance, Lens
from pipeline.warehouse.queries import Query, models, views

# what adds up, under the names that it keeps from the records to the marts; prices do not
_COUNTS = frozenset({"calls", "attempts"})
_TOTALS = frozenset(
    {*_COUNTS, "cost_usd"}
    | {name for columns in RECORD_TYPES.values() for name in control_columns(columns)} - {"rate_usd"}
)


def lens(relation: str, settings: Settings, table: Table | None = None, personal: Collection[str] = ()) -> Lens:
    """What adds up in a relation, and a mask for the people in it: their numbers show no more than pseudonyms do.

    Of records the ``table`` tells what adds up, and ``personal`` which columns show people beside those known.
    """
    names = {*_names_in(relation), *personal}
    totals = _TOTALS | set(table.control) - {"rate_usd"} if table else _TOTALS
    return Lens(totals, partial(masked, prefix=settings.cdr_pseudonym_digits, names=names))


def of_glance(found: Glance | None, rows: str = "dagster/partition_row_count") -> dict[str, Any]:
    """Rows, totals and the first rows; nothing where there is nothing."""
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
    """Where each column comes from, for Dagster and for people: its open-source UI does not show its own."""
    try:
        return lineage_metadata(origins(query.name))
    except PermanentError as error:
        return {"columns from": str(error)}


def lineage_metadata(found: Mapping[str, Iterable[Origin]]) -> dict[str, Any]:
    """The same of origins that are known."""
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
    """The origins of the columns of staging, marts and trends, read once a process; of anything else none."""
    query = _queries().get(relation)
    return column_lineage(query.name, query.sql, columns()) if query else {}


@cache
def _names_in(relation: str) -> Collection[str]:
    """The columns that hold names of people, whatever they are called there."""
    try:
        return {NAME, *descendants(origins, relation, {NAME})}
    except PermanentError:  # nothing is known of where its columns come from, so all of them may be names
        return columns()[relation]


@cache
def _queries() -> Mapping[str, Query]:
    return {query.name: query for query in (*models(), *views())}
