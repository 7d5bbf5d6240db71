"""The catalogue in Dagster's UI: every asset says what it is, and every event what it made."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pyarrow.parquet as pq
import pytest
from pydantic import SecretStr

from pipeline.definitions import build
from pipeline.defs.relations import key_of
from pipeline.operations.wiring import Operations
from pipeline.sandbox import Fault, ManualClock, Sandbox
from pipeline.settings import Settings
from pipeline.warehouse.queries import load, models, views
from tests.integration.totals import KEY, MONTHS, NOW, true_totals

pytestmark = pytest.mark.slow

MONTH = str(MONTHS[1])
ONE_MONTH = {"dagster/asset_partition_range_start": MONTH, "dagster/asset_partition_range_end": MONTH}
NO_TABLE = {"html"}
"""Kinds of assets that have no columns."""


@dataclass(frozen=True)
class Loaded:
    """A month of both types brought in through Dagster, one record of which could not be typed."""

    operations: Operations
    definitions: dg.Definitions
    instance: dg.DagsterInstance
    sandbox: Sandbox

    def event(self, relation: str) -> Mapping[str, Any]:
        """The metadata of the newest event of a relation's asset."""
        event = self.instance.get_latest_materialization_event(key_of(relation))
        assert event, relation
        assert event.asset_materialization
        return event.asset_materialization.metadata

    def run(self, job: str) -> dg.ExecuteInProcessResult:
        found = self.definitions.resolve_job_def(job)
        tags = ONE_MONTH if job in {"ask", "refresh"} else {"dagster/partition": MONTH}
        return found.execute_in_process(instance=self.instance, tags=tags, raise_on_error=False)

    def columns(self, relation: str) -> list[dg.TableColumn]:
        node = self.definitions.resolve_asset_graph().get(key_of(relation))
        return list(node.metadata["dagster/column_schema"].columns)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    root, clock, now = tmp_path_factory.mktemp("catalogue"), ManualClock(NOW), timedelta(0)
    with (
        Sandbox(calls_per_day=12, clock=clock, pending=now, processing=now, api_key=KEY, rate_limit=None) as sandbox,
        dg.instance_for_test(temp_dir=str(root)) as instance,
    ):
        settings = Settings(
            didww_api_key=SecretStr(KEY), didww_api_url=sandbox.url, cdr_data_dir=root / "data", _env_file=None
        )
        operations = Operations(settings, clock=clock)
        made = Loaded(operations, build(operations), instance, sandbox)
        sandbox.faults.inject(Fault.RAGGED_ROW, times=1)
        for job in ("ask", "load_cdr_in", "load_cdr_out", "refresh"):
            assert made.run(job).success
        yield made


def published(loaded: Loaded) -> dict[str, dict[str, tuple[str, str]]]:
    """Every relation of the published file, with type and sentence of each column."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    with duckdb.connect(str(loaded.operations.place.warehouse), read_only=True) as db:
        for schema, table, column, kind, comment in db.execute(
            "SELECT schema_name, table_name, column_name, data_type, comment FROM duckdb_columns() WHERE NOT internal"
        ).fetchall():
            found.setdefault(table if schema == "main" else f"{schema}.{table}", {})[column] = (kind, comment)
    return found


def test_every_asset_says_what_it_is_whose_it_is_and_what_its_columns_mean(definitions: dg.Definitions) -> None:
    nodes = list(definitions.resolve_asset_graph().asset_nodes)
    assert len(nodes) > 20
    for node in nodes:
        name = node.key.to_user_string()
        assert node.description, name
        assert node.description.splitlines()[0].rstrip().endswith((".", "?", ":")), name
        assert node.owners, name
        assert node.kinds, name
        assert node.group_name not in {None, "default"}, name
        if not node.kinds & NO_TABLE:
            columns = node.metadata["dagster/column_schema"].columns
            assert columns, name
            assert [c.name for c in columns if not c.type or not (c.description or "").endswith((".", "?"))] == [], name


def test_every_query_shows_its_sql(loaded: Loaded) -> None:
    for query in (*models(), *views()):
        assert query.written in (loaded.definitions.resolve_asset_graph().get(key_of(query.name)).description or "")


def test_the_catalogue_and_the_published_file_have_the_same_relations_columns_types_and_sentences(
    loaded: Loaded,
) -> None:
    for relation, columns in published(loaded).items():
        shown = {column.name: (column.type, column.description) for column in loaded.columns(relation)}
        if relation in loaded.operations.place.schemas:  # the lake's own types, of which the file shows views
            assert [(name, about) for name, (_, about) in shown.items()] == [
                (n, said) for n, (_, said) in columns.items()
            ]
        else:
            assert shown == columns, relation
    inside = {column.name for column in loaded.columns("warehouse")}
    assert inside == {name for name in published(loaded) if not name.startswith("seeds.")}


def test_every_event_has_rows_a_preview_and_the_totals_of_what_it_made(loaded: Loaded) -> None:
    by_month = [*loaded.operations.place.schemas, *(query.name for query in models())]
    with duckdb.connect(str(loaded.operations.place.warehouse), read_only=True) as db:
        for relation in published(loaded).keys() - {name for name in published(loaded) if name.startswith("seeds.")}:
            key = "dagster/partition_row_count" if relation in by_month else "dagster/row_count"
            shown = loaded.event(relation)
            assert shown[key].value == db.execute(f"SELECT count(*) FROM {relation}").fetchall()[0][0], relation
            names = [name.strip() for name in shown["preview"].value.splitlines()[0].strip("|").split("|")]
            assert set(names) == set(published(loaded)[relation]), relation
            for name in ("total_usd", "charged_usd", "cost_usd"):
                if name in names and relation not in {f"staging.{view}" for view in ("attempts", "calls")}:
                    total = db.execute(f"SELECT coalesce(sum({name}), 0) FROM {relation}").fetchall()[0][0]
                    assert shown[name].value == f"{total:f}", relation


def test_the_totals_of_a_load_are_those_of_the_vendors_books(loaded: Loaded) -> None:
    export = loaded.operations.ledger.loaded("cdr_out")[MONTH]
    rows, sums = true_totals(loaded.sandbox, export)
    shown = loaded.event("cdr_out")
    assert shown["rows in the file"].value == shown["dagster/partition_row_count"].value == rows
    assert shown["charged_usd"].value == f"{sums['Charged (USD)']:f}"
    assert shown["duration_seconds"].value == sums["seconds"]


def test_a_load_that_changes_nothing_shows_the_same_of_its_month(loaded: Loaded) -> None:
    before = loaded.event("cdr_in")
    assert loaded.run("load_cdr_in").success
    after = loaded.event("cdr_in")
    assert (before["changed"].value, after["changed"].value) == (True, False)
    passing = {"changed", "first row", "last row"}
    assert {k: v for k, v in after.items() if k not in passing} == {k: v for k, v in before.items() if k not in passing}


def lineage(loaded: Loaded, relation: str, column: str) -> set[str]:
    deps = loaded.event(relation)["dagster/column_lineage"].value.deps_by_column[column]
    return {f"{dep.asset_key.to_user_string()}.{dep.column_name}" for dep in deps}


@pytest.mark.parametrize(
    ("relation", "column", "expected"),
    [
        ("cdr_in", "started_at", "cdr_in/file.Date/Time Start (UTC)"),
        ("cdr_out", "charged_usd", "cdr_out/file.Charged (USD)"),
        ("staging.calls_out", "charged_usd", "cdr_out.charged_usd"),
        ("staging.calls_in", "total_usd", "cdr_in.total_usd"),
        ("staging.calls_in", "answered_attempts", "cdr_in.connected_at"),
        ("marts.cost_by_did", "last_call_at", "staging/calls_in.started_at"),
        ("marts.cost_by_did", "share_of_month", "staging/calls_in.total_usd|staging/calls_in.month"),
        ("staging.attempt_outcomes", "cost_usd", "cdr_in.total_usd|cdr_out.charged_usd"),
        ("staging.attempt_outcomes", "trunk_group", "cdr_in.trunk_group"),
        (
            "staging.attempt_outcomes",
            "ner_success",
            "cdr_in.connected_at|cdr_out.connected_at|staging/causes.class",
        ),
        ("marts.daily_traffic", "ner", "marts/hourly_traffic.ner_attempts|marts/hourly_traffic.attempts"),
    ],
)
def test_a_column_comes_from_where_the_sql_says(loaded: Loaded, relation: str, column: str, expected: str) -> None:
    assert lineage(loaded, relation, column) == set(expected.split("|"))


def test_every_query_has_a_lineage_and_all_of_it_leads_to_columns_of_assets(loaded: Loaded) -> None:
    graph = loaded.definitions.resolve_asset_graph()
    for query in (*models(), *views()):
        shown = loaded.event(query.name)
        found = shown["dagster/column_lineage"].value.deps_by_column
        assert found.keys() <= query.columns.keys()
        assert "month" in found or query.schema == "trends" or "month" not in query.columns, query.name
        for dep in (dep for deps in found.values() for dep in deps):
            known = {column.name for column in graph.get(dep.asset_key).metadata["dagster/column_schema"].columns}
            assert dep.column_name in known, (query.name, dep)
        assert len(shown["columns from"].value.splitlines()) == 2 + len(query.columns)


def test_neither_a_number_nor_a_name_is_in_anything_that_dagster_keeps(loaded: Loaded) -> None:
    with duckdb.connect(str(loaded.operations.place.warehouse), read_only=True) as db:
        cells = db.execute(
            "SELECT source_number FROM cdr_in UNION SELECT did_number FROM cdr_in UNION SELECT source_name FROM cdr_in "
            "UNION SELECT source_number FROM cdr_out UNION SELECT cli FROM cdr_out "
            "UNION SELECT destination_number FROM cdr_out UNION SELECT raw_line FROM rejected_rows"
        ).fetchall()
    nobody = {"anonymous", "restricted", "unavailable", "unknown"}
    personal = {str(cell).encode() for (cell,) in cells if len(str(cell or "")) > 6 and str(cell).lower() not in nobody}
    assert len(personal) > 100
    kept = b"".join(path.read_bytes() for path in Path(loaded.instance.root_directory).rglob("*.db*"))
    assert b"partition_row_count" in kept
    assert {cell for cell in personal if cell in kept} == set()


def test_traffic_and_coverage_are_drawn_in_place(loaded: Loaded) -> None:
    for relation in ("cdr_in", "cdr_out", "marts.daily_traffic"):
        text = loaded.event(relation)["traffic"].value
        assert text.startswith("![calls by day](data:image/svg+xml;base64,")
        assert len(text) < 1000
    months = loaded.event("warehouse")["months"].value
    assert months.startswith("![coverage by month](data:image/svg+xml;base64,")
    assert "yellowgreen: settling" in months


def test_every_file_of_checks_is_a_check_of_the_warehouse_and_each_mart_names_those_that_read_it(
    loaded: Loaded,
) -> None:
    graph = loaded.definitions.resolve_asset_graph()
    files = {query.name.removeprefix("checks."): query for query in load("checks")}
    assert {key.name for key in graph.asset_check_keys if key.asset_key == key_of("warehouse")} == files.keys()
    for query in models():
        named = set(str(graph.get(key_of(query.name)).metadata["checked by"]).split(", "))
        assert named - {"nothing"} == {name for name, check in files.items() if query.name in check.reads}


def test_a_mart_that_lost_a_row_is_found_by_the_same_run_and_the_month_is_named(loaded: Loaded) -> None:
    lake = loaded.operations.place.lake
    [good] = lake.files("marts.cost_by_did")[MONTH]
    table = pq.read_table(good, partitioning=None)
    spoilt = lake.new_file("marts.cost_by_did", MONTH, lake.version_keys("marts.cost_by_did")[MONTH])
    pq.write_table(table.slice(1), spoilt)
    schema = pq.read_schema(spoilt).remove_metadata().append(pq.read_schema(good).field(0).with_name("month"))
    lake.replace_month("marts.cost_by_did", MONTH, [spoilt], schema, {})
    result = loaded.run("refresh")
    [found] = [c for c in result.get_asset_check_evaluations() if c.check_name == "marts_keep_rows"]
    assert result.success
    assert (found.asset_key, found.passed, found.severity.value) == (key_of("warehouse"), False, "ERROR")
    assert f"| {MONTH} | in | cost_by_did |" in str(found.metadata["first rows"].value)
