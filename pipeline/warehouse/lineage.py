"""Read the origins of a query's columns from its SQL: through CTEs, unions, stars, windows and joins.

The origins of a column are all columns that its value is computed from: arguments, filters, and the partitions and
order of windows. Columns that only choose rows (WHERE, ON, GROUP BY) are not origins.
"""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.schema import MappingSchema

from pipeline.errors import PermanentError

if TYPE_CHECKING:
    from sqlglot.lineage import Node

Origin = tuple[str, str]
"""A relation, such as ``staging.calls_in``, and one of its columns."""

_MAIN = "main"


def column_lineage(name: str, sql: str, relations: Mapping[str, Collection[str]]) -> dict[str, list[Origin]]:
    """Return the origins of each column of the query, in order; an empty list for a count or a constant.

    Raises ``PermanentError`` for SQL that cannot be followed: PIVOT, UNION BY NAME, or unknown to the parser.

    Args:
        name: The name of the query, for messages.
        sql: Its SQL.
        relations: The tables that it may read, with their columns.
    """
    from sqlglot.lineage import lineage  # importing its optimizer would slow every start

    try:
        tree = _followed(sqlglot.parse_one(sql, dialect="duckdb"))
        found = lineage(None, tree, _schema(relations), dialect="duckdb", trim_selects=False)
        return {column: _origins(node, relations) for column, node in found.items()}
    except (SqlglotError, ValueError, RecursionError) as error:
        raise PermanentError(f"The SQL of {name} does not tell where its columns come from: {error}") from error


def _followed(tree: exp.Expr) -> exp.Expr:
    """Return the query; raises for one whose columns the parser would match by position, not by name, or lose."""
    if tree.find(exp.Pivot) or any(union.args.get("by_name") for union in tree.find_all(exp.SetOperation)):
        raise SqlglotError("PIVOT and UNION BY NAME are not followed.")
    return tree


def _schema(relations: Mapping[str, Collection[str]]) -> MappingSchema:
    found = MappingSchema(dialect="duckdb")
    for relation, columns in relations.items():
        # types do not matter here
        found.add_table(relation if "." in relation else f"{_MAIN}.{relation}", dict.fromkeys(columns, "VARCHAR"))
    return found


def _origins(node: "Node", relations: Mapping[str, Collection[str]]) -> list[Origin]:
    """Return the columns of known relations at the ends of the graph; columns of table functions are left out."""
    found = set()
    for leaf in node.walk():
        table = leaf.expression
        if isinstance(table, exp.Table):
            relation = f"{table.db}.{table.name}" if table.db not in ("", _MAIN) else table.name
            column = leaf.name.rpartition(".")[2]
            if column in relations.get(relation, ()):
                found.add((relation, column))
    return sorted(found)
