"""Step 4: the lake (Parquet in Delta tables), the marts made of it, and the DuckDB file that analysts open."""
