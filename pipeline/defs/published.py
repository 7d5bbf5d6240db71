"""The published file as assets of one run: the file, the pipeline's own records, and the trends."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import dagster as dg

from pipeline.defs import catalogue, markdown, plots
from pipeline.defs.outcome import told
from pipeline.defs.relations import OWNERS, key_of, of_query, of_record, records, upstream
from pipeline.errors import PermanentError
from pipeline.operations.wiring import Operations
from pipeline.privacy.personal import PERSONAL
from pipeline.warehouse.preview import PreviewSpec, published_previews, row_counts
from pipeline.warehouse.queries import Query, models, views
from pipeline.warehouse.sentences import TABLES

WAREHOUSE = dg.AssetKey("warehouse")


def published(operations: Operations) -> dg.AssetsDefinition:
    """Return the assets of ``warehouse.duckdb``, and of every relation that only publishing makes."""
    lanes = list(operations.place.datasets)
    loaded = [key_of(lane) for lane in lanes]

    @dg.multi_asset(
        name="warehouse",
        specs=[
            _warehouse_spec([*loaded, *(key_of(query.name) for query in models())]),
            *(_record_spec(name, loaded) for name in records()),
            *(_trend_spec(query, upstream(query, [*lanes, *records()])) for query in views()),
        ],
    )
    def warehouse(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        with told(context):
            operations.publisher.publish()
            operations.publisher.vacuum()
            if failed := operations.publisher.unbuilt():  # everything else is published
                raise PermanentError(" ".join(failed))
            shown = metadata_of_publishing(operations)
        lineage = {query.name: catalogue.of_lineage(query) for query in views()}
        for name, metadata in shown.items():
            yield dg.MaterializeResult(asset_key=key_of(name), metadata={**metadata, **lineage.get(name, {})})

    return warehouse


def metadata_of_publishing(operations: Operations) -> dict[str, dict[str, Any]]:
    """Return the metadata of the published file, and of every relation that publishing makes."""
    return {"warehouse": _of_file(operations), **_of_relations(operations)}


def _warehouse_spec(deps: list[dg.AssetKey]) -> dg.AssetSpec:
    return dg.AssetSpec(
        WAREHOUSE,
        deps=deps,
        group_name="warehouse",
        kinds={"duckdb"},
        owners=OWNERS,
        automation_condition=dg.AutomationCondition.eager().without(~dg.AutomationCondition.any_deps_missing()),
        description="warehouse.duckdb, the read-only file that analysts open: each publish replaces it whole.",
        metadata={"dagster/column_schema": dg.TableSchema([dg.TableColumn(*row) for row in _contents()])},
    )


def _record_spec(name: str, deps: list[dg.AssetKey]) -> dg.AssetSpec:
    return dg.AssetSpec(
        name,
        deps=deps,
        group_name="warehouse",
        kinds={"duckdb"},
        owners=OWNERS,
        description=TABLES[name],
        metadata={"dagster/column_schema": of_record(name), "dagster/table_name": name},
    )


def _trend_spec(query: Query, deps: list[dg.AssetDep]) -> dg.AssetSpec:
    return dg.AssetSpec(
        key_of(query.name),
        deps=deps,
        group_name=query.schema,
        kinds={"duckdb", "sql"},
        owners=OWNERS,
        description=f"{query.about}\n\n```sql\n{query.written}\n```",
        metadata={"dagster/column_schema": of_query(query), "dagster/table_name": query.name},
    )


def _of_file(operations: Operations) -> dict[str, Any]:
    counts = row_counts(operations.place.warehouse, [name for name, *_ in _contents()])
    return {
        "path": dg.MetadataValue.path(str(operations.place.warehouse)),
        "bytes": operations.place.warehouse.stat().st_size,
        "tables": dg.MetadataValue.md(markdown.table(["relation", "rows"], list(counts.items()))),
        "months": dg.MetadataValue.md(plots.coverage(operations.ledger.coverage())),
        "coverage": dg.MetadataValue.md(_coverage_table(operations)),
    }


def _of_relations(operations: Operations) -> dict[str, dict[str, Any]]:
    """Return the metadata of every relation that publishing makes."""
    names = (*records(), *(query.name for query in views()))
    specs = {name: _preview_spec(operations, name) for name in names}
    found = published_previews(operations.place.warehouse, specs)
    return {name: catalogue.of_preview(one, "dagster/row_count") for name, one in found.items()}


def _preview_spec(operations: Operations, name: str) -> PreviewSpec:
    """Return how to preview a relation. Views of staging have no totals, which would read the whole archive."""
    if not name.startswith("staging."):
        return catalogue.preview_spec(operations.settings)
    hidden = {*PERSONAL, "did_number"}  # their rows are single calls
    return replace(catalogue.preview_spec(operations.settings, personal=hidden), totals=frozenset())


def _contents() -> Iterator[tuple[str, str, str]]:
    """Yield the name of every relation in the file, whether it is a table or a view, and what one row is."""
    for name, about in TABLES.items():
        yield name, "TABLE" if name in records() else "VIEW", about
    for query in sorted((*models(), *views()), key=lambda query: query.name):
        yield query.name, "TABLE" if query.schema == "marts" else "VIEW", query.about


def _coverage_table(operations: Operations) -> str:
    rows = [(row.record_type, row.month, row.state, row.rows, row.days_left) for row in operations.ledger.coverage()]
    return markdown.table(["type", "month", "state", "rows", "days left"], rows)
