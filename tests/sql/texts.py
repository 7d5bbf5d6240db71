"""The SQL of every model, view and check as it runs: metrics and views expanded."""

from pipeline.warehouse.queries import load, models, views

SQL_OF = {query.name: query.sql for query in (*models(), *views(), *load("checks"))}
