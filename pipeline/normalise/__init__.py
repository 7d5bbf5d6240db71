"""Step 3: type the records of a landed file. Every record is loaded, rejected with a reason, or counted as left out."""
