"""Step 2: keep the exact bytes served, verified to the last one, for ever, with a manifest."""
