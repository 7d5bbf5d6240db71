"""Look up the queries that the pipeline itself asks: ``sql/report``, ``sql/lake`` and ``sql/demo``."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from pipeline.errors import PermanentError
from pipeline.warehouse import queries
from pipeline.warehouse.queries import Query


def question(name: str) -> Query:
    """Return the query ``<folder>.<file>``; raise ``PermanentError`` if its file is missing."""
    found = _queries_of(queries.SQL_FOLDER, name.split(".")[0]).get(name)
    if found is None:
        raise PermanentError(f"sql/{name.replace('.', '/')}.sql is missing; install cdr-pipeline again.")
    return found


@cache
def _queries_of(root: Path, folder: str) -> Mapping[str, Query]:
    """Return the queries of one folder of the SQL root, by name; the root is only a part of the cache's key."""
    return {query.name: query for query in queries.load(folder)}
