"""Step 2: keep the exact bytes as served, verified, with a manifest. Nothing here reads the records."""
