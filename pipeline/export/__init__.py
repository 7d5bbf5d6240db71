"""Step 1: request an export of a window of records, and see in the vendor's list whether it is ready."""
