"""Where columns come from, over SQL that is written by hand for one construct each."""

import pytest

from pipeline.defs.relations import columns
from pipeline.errors import PermanentError
from pipeline.privacy.personal import NAME
from pipeline.warehouse.lineage import column_lineage
from pipeline.warehouse.queries import models, views

RELATIONS = {
    "cdr_in": ["month", "call_id", "trunk", "attempt", "total_usd", "started_at"],
    "cdr_out": ["month", "trunk", "charged_usd"],
    "staging.calls_in": ["month", "did_number", "total_usd"],
    "seeds.classes": ["code", "class"],
}


def origins(sql: str) -> dict[str, set[str]]:
    found = column_lineage("marts.x", sql, RELATIONS)
    return {column: {f"{relation}.{name}" for relation, name in above} for column, above in found.items()}


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        pytest.param(
            "SELECT month, trunk AS t FROM cdr_in", {"month": "cdr_in.month", "t": "cdr_in.trunk"}, id="alias"
        ),
        pytest.param(
            "SELECT * FROM seeds.classes", {"code": "seeds.classes.code", "class": "seeds.classes.class"}, id="star"
        ),
        pytest.param(
            "WITH a AS (SELECT * FROM cdr_out), b AS (SELECT *, charged_usd * 2 AS twice FROM a) "
            "SELECT month, twice, twice + 1 AS more FROM b",
            {"month": "cdr_out.month", "twice": "cdr_out.charged_usd", "more": "cdr_out.charged_usd"},
            id="star through CTEs",
        ),
        pytest.param(
            "SELECT * EXCLUDE (code) FROM seeds.classes", {"class": "seeds.classes.class"}, id="star that leaves out"
        ),
        pytest.param(
            "WITH u AS (SELECT month, 'in' AS direction, total_usd AS cost FROM cdr_in UNION ALL "
            "SELECT month, 'out' AS direction, charged_usd FROM cdr_out) "
            "SELECT month, direction, sum(cost) AS cost FROM u GROUP BY month, direction",
            {
                "month": "cdr_in.month cdr_out.month",
                "direction": "",
                "cost": "cdr_in.total_usd cdr_out.charged_usd",
            },
            id="union all, by place",
        ),
        pytest.param(
            "SELECT month, row_number() OVER (PARTITION BY call_id ORDER BY attempt) AS place FROM cdr_in",
            {"month": "cdr_in.month", "place": "cdr_in.call_id cdr_in.attempt"},
            id="window",
        ),
        pytest.param(
            "SELECT month, max(trunk) FILTER (WHERE attempt = 1) AS trunk FROM cdr_in GROUP BY month",
            {"month": "cdr_in.month", "trunk": "cdr_in.trunk cdr_in.attempt"},
            id="filtered aggregate",
        ),
        pytest.param(
            "SELECT i.month, s.class, count(*) AS n FROM cdr_in AS i LEFT JOIN seeds.classes AS s ON s.code = i.trunk "
            "WHERE i.attempt = 1 GROUP BY ALL",
            {"month": "cdr_in.month", "class": "seeds.classes.class", "n": ""},
            id="join with a seed: what chooses rows is no origin",
        ),
        pytest.param(
            "SELECT month, (SELECT max(class) FROM seeds.classes) AS class FROM cdr_in",
            {"month": "cdr_in.month", "class": "seeds.classes.class"},
            id="scalar subquery",
        ),
        pytest.param(
            "SELECT c.month, d AS day FROM cdr_out AS c, generate_series(DATE '2026-01-01', DATE '2026-01-31', "
            "INTERVAL 1 DAY) AS g(d)",
            {"month": "cdr_out.month", "day": ""},
            id="table function",
        ),
        pytest.param(
            "WITH cdr_in AS (SELECT month, trunk FROM main.cdr_in) SELECT month, trunk FROM cdr_in",
            {"month": "cdr_in.month", "trunk": "cdr_in.trunk"},
            id="CTE with a table's name",
        ),
        pytest.param(
            "SELECT Month AS month, TOTAL_USD AS usd FROM CDR_IN",
            {"month": "cdr_in.month", "usd": "cdr_in.total_usd"},
            id="any case",
        ),
    ],
)
def test_the_origins_of_each_column_are_those_that_its_value_is_computed_of(sql: str, expected: dict[str, str]) -> None:
    assert origins(sql) == {column: set(above.split()) for column, above in expected.items()}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT month, trunk FROM cdr_out UNION ALL BY NAME SELECT trunk, month FROM cdr_in",
        "SELECT month, name, value FROM (UNPIVOT cdr_out ON trunk INTO NAME name VALUE value)",
        "SELECT FROM WHERE",
    ],
)
def test_what_cannot_be_followed_is_said_and_not_guessed(sql: str) -> None:
    with pytest.raises(PermanentError, match=r"^The SQL of marts\.x does not tell where its columns come from: "):
        column_lineage("marts.x", sql, RELATIONS)


def test_no_query_gives_the_names_of_people_another_name() -> None:
    """Previews hide the column by its name alone."""
    for query in (*models(), *views()):
        for column, origins in column_lineage(query.name, query.sql, columns()).items():
            assert column == NAME or NAME not in {name for _, name in origins}, f"{query.name}.{column}"
