"""Where each column of a query comes from, read from the SQL: through CTEs, unions, stars, windows and joins.

A column comes from every column that its value is computed of: arguments, filters, and what a window is cut or
ordered by. What only chooses rows (WHERE, ON, GROUP BY) is not its origin.
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
    """The origins of each column of the query, in order; none for a count or a constant.

    ``relations`` are the tables that it may read, with their columns. Raises ``PermanentError`` where the SQL cannot
    be followed: PIVOT, UNION BY NAME, what the parser does not know.
    """
    from sqlglot.lineage import lineage  # the optimizer behind it would slow every start

    try:
        tree = _followed(sqlglot.parse_one(sql, dialect="duckdb"))
        found = lineage(None, tree, _schema(relations), dialect="duckdb", trim_selects=False)
        return {column: _origins(node, relations) for column, node in found.items()}
    except (SqlglotError, ValueError, RecursionError) as error:
        raise PermanentError(f"The SQL of {name} does not tell where its columns come from: {error}") from error


def _followed(tree: exp.Expr) -> exp.Expr:
    """The query; raises where the parser would take columns by their place that are meant by name, or lose them."""
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
    """The columns of known relations at the ends of the graph; columns of table functions are left out."""
    found = set()
    for leaf in node.walk():
        table = leaf.expression
        if isinstance(table, exp.Table):
            relation = f"{table.db}.{table.name}" if table.db not in ("", _MAIN) else table.name
            column = leaf.name.rpartition(".")[2]
            if column in relations.get(relation, ()):
                found.add((relation, column))
    return sorted(found)
