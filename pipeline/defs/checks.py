"""Run every file of ``sql/checks/`` as an asset check on the published warehouse: a query that must return no row.

The checks belong to the warehouse and not to a mart. They compare relations over all months, as analysts see them, and
that holds only after a publish. The rows of a result name their relation and month.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import dagster as dg

from pipeline.defs import markdown
from pipeline.defs.outcome import told
from pipeline.defs.published import WAREHOUSE
from pipeline.operations.wiring import Operations
from pipeline.warehouse.queries import Query, load
from pipeline.warehouse.reading import Finding, check


def checks(operations: Operations) -> dg.AssetChecksDefinition:
    """Return a check for each file; the second line of the file says whether a row is an error or a warning."""
    queries = {_name(query): query for query in load("checks")}
    specs = [
        dg.AssetCheckSpec(
            name,
            asset=WAREHOUSE,
            description=f"{query.about}\n\n```sql\n{query.written}\n```",
            metadata={"reads": ", ".join(sorted(query.reads))},
        )
        for name, query in queries.items()
    ]

    @dg.multi_asset_check(specs=specs, name="sql_checks")
    def sql_checks() -> Iterator[dg.AssetCheckResult]:
        with told():
            results = list(evaluated(operations.place.warehouse))
        yield from results

    return sql_checks


def evaluated(warehouse: Path) -> Iterator[dg.AssetCheckResult]:
    """Yield the result of each check on the published file."""
    for query in load("checks"):
        yield _result(_name(query), query, check(warehouse, query))


def readers(queries: Iterable[Query]) -> dict[str, list[str]]:
    """Return the names of the checks that read each relation."""
    found: dict[str, list[str]] = defaultdict(list)
    for query in queries:
        for relation in query.reads:
            found[relation].append(_name(query))
    return found


def _name(query: Query) -> str:
    return query.name.removeprefix("checks.")


def _result(name: str, query: Query, finding: Finding) -> dg.AssetCheckResult:
    severity = dg.AssetCheckSeverity.WARN if "-- severity: warn" in query.sql else dg.AssetCheckSeverity.ERROR
    rows = dg.MetadataValue.md(markdown.table(finding.sample.names, finding.sample.rows))
    return dg.AssetCheckResult(
        check_name=name,
        asset_key=WAREHOUSE,
        passed=finding.rows == 0,
        severity=severity,
        metadata={"rows": finding.rows, **({"first rows": rows} if finding.rows else {})},
    )
