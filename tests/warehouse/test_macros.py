"""Metrics in place of their calls: nothing else of a query changes."""

import pytest

from pipeline.warehouse.macros import Metric, expanded, metrics_of, sentences

TEXTS = {
    "asr": "-- Share answered.\nCREATE MACRO asr(answered, seizures) AS\nratio(answered, seizures);\n",
    "ratio": "CREATE MACRO ratio(part, whole) AS part / nullif(whole, 0);",
}


@pytest.fixture(scope="module")
def metrics() -> dict[str, Metric]:
    return metrics_of(TEXTS)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        pytest.param("SELECT asr(a.x, b) AS y", "SELECT (a.x / nullif(b, 0)) AS y", id="columns stand as they are"),
        pytest.param("SELECT 1 - ratio(a, b)", "SELECT 1 - (a / nullif(b, 0))", id="an operand"),
        pytest.param("SELECT ratio(a + 1, b - c)", "SELECT ((a + 1) / nullif((b - c), 0))", id="arguments are grouped"),
        pytest.param("SELECT ratio((a), (b) + (c))", "SELECT ((a) / nullif(((b) + (c)), 0))", id="grouped once"),
        pytest.param(
            "SELECT ratio(sum(a) FILTER (WHERE b IN (1, 2)), [1, 2][1])",
            "SELECT ((sum(a) FILTER (WHERE b IN (1, 2))) / nullif(([1, 2][1]), 0))",
            id="commas inside an argument",
        ),
        pytest.param(
            "SELECT ratio(asr(a, b), asr(c, d))",
            "SELECT ((a / nullif(b, 0)) / nullif((c / nullif(d, 0)), 0))",
            id="calls inside a call",
        ),
        pytest.param(
            "SELECT asr, 'asr(1, 2)' -- asr(1, 2)\nFROM ratio",
            "SELECT asr, 'asr(1, 2)' -- asr(1, 2)\nFROM ratio",
            id="names",
        ),
        pytest.param(
            "SELECT ratio(\n  a, -- of\n  b -- all\n) AS y",
            "SELECT (a / nullif((-- of\n  b -- all\n), 0)) AS y",
            id="comments",
        ),
        pytest.param("SELECT ratio(part, whole)", "SELECT (part / nullif(whole, 0))", id="columns like parameters"),
        pytest.param("SELECT ratio(whole, part)", "SELECT (whole / nullif(part, 0))", id="and the other way round"),
    ],
)
def test_a_call_becomes_the_formula(sql: str, expected: str, metrics: dict[str, Metric]) -> None:
    assert expanded(sql, metrics) == expected


def test_a_metric_may_call_another_and_keeps_its_sentence(metrics: dict[str, Metric]) -> None:
    assert metrics["asr"] == Metric(
        "asr", ("answered", "seizures"), "(answered / nullif(seizures, 0))", "Share answered."
    )


@pytest.mark.parametrize(
    ("sql", "why"),
    [("SELECT asr(a)", "takes 2 arguments, not 1"), ("SELECT asr(a, b", "without a closing parenthesis")],
)
def test_a_wrong_call_is_refused(sql: str, why: str, metrics: dict[str, Metric]) -> None:
    with pytest.raises(ValueError, match=why):
        expanded(sql, metrics)


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        ({"asr": "CREATE MACRO other(a) AS a"}, "does not define the macro asr"),
        ({"asr": "SELECT 1"}, "does not define the macro asr"),
        ({"a": "CREATE MACRO a(x) AS b(x)", "b": "CREATE MACRO b(x) AS a(x)"}, "a, b call each other in a ring"),
    ],
)
def test_a_file_that_is_no_metric_is_refused(texts: dict[str, str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        metrics_of(texts)


def test_the_sentence_of_a_column_is_the_comment_before_it() -> None:
    sql = """
WITH a AS (
    SELECT
        -- Not this.
        x
    FROM t
)
SELECT
    -- The month,
    -- in two lines.
    month,
    (1 + 2) AS bare,
    -- The hour.
    extract(hour FROM at) AS hour
FROM a
"""
    assert sentences(sql) == ["The month, in two lines.", "", "The hour."]
