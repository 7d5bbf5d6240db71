"""Every file of ``sql/checks/`` as an asset check on the published warehouse: a query that must return no row."""

from collections.abc import Iterator

import dagster as dg

from pipeline.defs.outcome import told
from pipeline.journey import Journey
from pipeline.warehouse.queries import Query, load
from pipeline.warehouse.reading import Finding, check


def checks(journey: Journey) -> dg.AssetChecksDefinition:
    """One check per file; its second line says whether a row is an error or a warning."""
    queries = {query.name.removeprefix("checks."): query for query in load("checks")}
    specs = [
        dg.AssetCheckSpec(name, asset=dg.AssetKey("warehouse"), description=query.about)
        for name, query in queries.items()
    ]

    @dg.multi_asset_check(specs=specs, name="sql_checks")
    def sql_checks() -> Iterator[dg.AssetCheckResult]:
        for name, query in queries.items():
            with told():
                finding = check(journey.warehouse, query)
            yield _result(name, query, finding)

    return sql_checks


def _result(name: str, query: Query, finding: Finding) -> dg.AssetCheckResult:
    sample = finding.sample
    lines = [
        "| " + " | ".join(map(str, row)) + " |" for row in (sample.names, ["---"] * len(sample.names), *sample.rows)
    ]
    severity = dg.AssetCheckSeverity.WARN if "-- severity: warn" in query.sql else dg.AssetCheckSeverity.ERROR
    return dg.AssetCheckResult(
        check_name=name,
        asset_key=dg.AssetKey("warehouse"),
        passed=finding.rows == 0,
        severity=severity,
        metadata={
            "rows": finding.rows,
            **({"first rows": dg.MetadataValue.md("\n".join(lines))} if finding.rows else {}),
        },
    )
