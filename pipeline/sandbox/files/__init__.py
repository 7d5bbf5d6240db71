"""The file of an export: its format, its bytes, and the storage that serves it."""
