"""Step 1: ask a vendor for a window of records, and see in its list whether they are ready."""
