"""Step 3: text to typed rows, one schema per record type, nothing dropped in silence."""
